"""Searches a store in a process of its own: `python retrieval_child.py DB QUERIES.npz`; prints JSON.

The vectors of the questions come ready: what is measured is the whole retrieval but for embedding them.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from aion.rag.retrieve import Retriever
from aion.store.connection import Store
from aion.store.lexical import Lexical
from aion.store.places import Places
from aion.store.vectors import Vectors
from aion.types import Vectors as VectorArray

N_WARM = 20


class GivenEmbedder:
    """`Embedder` of questions whose vectors are known."""

    def __init__(self, name: str, vectors: dict[str, VectorArray], n_dims: int) -> None:
        self.name = name
        self.n_dims = n_dims
        self._vectors = vectors

    def embed_query(self, text: str) -> VectorArray:
        return self._vectors[text]

    def embed_passages(self, texts: object) -> VectorArray:
        """Never asked: this process only searches."""
        raise AssertionError(f"{texts!r} should have been embedded when the store was made")


def resident_mib() -> dict[str, float]:
    """What the process has in memory now, and at most had, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kib = {name: float(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)
           if name in ("VmRSS", "VmHWM", "RssAnon", "RssFile")}  # fmt: skip
    return {name: value / 1024 for name, value in kib.items()}


def percentiles(times_ms: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"p50": float(np.percentile(times_ms, 50)), "p95": float(np.percentile(times_ms, 95))}


def main(db: str, queries: str) -> None:
    with np.load(queries) as given:
        questions, vectors, name = given["questions"].tolist(), given["vectors"], str(given["name"])
    embedder = GivenEmbedder(name, dict(zip(questions, vectors, strict=True)), vectors.shape[1])
    with closing(Store(Path(db))) as store:
        held = Vectors(store)
        retriever = Retriever(held, Lexical(store), Places(store), embedder)
        started = time.perf_counter()
        retriever.retrieve("t", questions[0])
        first_ms = (time.perf_counter() - started) * 1000
        held.warm("t", name)
        for question in questions[:N_WARM]:
            retriever.retrieve("t", question)
        times, stages = [], dict[str, list[float]]()
        for question in questions[N_WARM:]:
            started = time.perf_counter()
            found = retriever.retrieve("t", question)
            times.append((time.perf_counter() - started) * 1000)
            for stage, ms in found.stages:
                stages.setdefault(stage, []).append(ms)
        report = {
            "all_ms": percentiles(times),
            "stages_ms": {stage: percentiles(values) for stage, values in stages.items()},
            "first_ms": first_ms,
            "memory_mib": resident_mib(),
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
