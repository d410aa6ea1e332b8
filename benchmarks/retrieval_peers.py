"""A peer's search over the same vectors, in a process of its own and, if need be, with another Python.

`python retrieval_peers.py PEER VECTORS.npz FOLDER`, PEER of numpy, faiss-flat, chromadb, lancedb;
prints JSON: the times of the nearest 24 of each query, how many of the exact 24 were found, the size on disk,
memory.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

K = 24
N_WARM = 20

Search = Callable[[Any], Any]


def numpy_search(vectors: Any, folder: Path) -> Search:  # noqa: ARG001
    def search(query: Any) -> Any:
        cosines = vectors @ query
        nearest = np.argpartition(-cosines, K)[:K]
        return nearest[np.argsort(-cosines[nearest])]

    return search


def faiss_flat(vectors: Any, folder: Path) -> Search:
    import faiss  # noqa: PLC0415

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(folder / "flat.faiss"))
    return lambda query: index.search(query[np.newaxis], K)[1][0]


def chromadb_search(vectors: Any, folder: Path) -> Search:
    import chromadb  # noqa: PLC0415

    client = chromadb.PersistentClient(
        path=str(folder), settings=chromadb.Settings(anonymized_telemetry=False)
    )
    collection = client.create_collection("vectors", metadata={"hnsw:space": "cosine"})
    for start in range(0, len(vectors), 2000):
        part = vectors[start : start + 2000]
        collection.add(ids=[str(start + n) for n in range(len(part))], embeddings=part)
    return lambda query: [
        int(id_) for id_ in collection.query(query_embeddings=query[np.newaxis], n_results=K)["ids"][0]
    ]


def lancedb_search(vectors: Any, folder: Path) -> Search:
    import lancedb  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    table = lancedb.connect(folder).create_table(
        "t", pa.table({"id": pa.array(range(len(vectors))), "vector": flat})
    )
    return lambda query: [row["id"] for row in table.search(query).metric("cosine").limit(K).to_list()]


PEERS: dict[str, Callable[[Any, Path], Search]] = {
    "numpy": numpy_search,
    "faiss-flat": faiss_flat,
    "chromadb": chromadb_search,
    "lancedb": lancedb_search,
}


def main(peer: str, given: str, folder: str) -> None:
    with np.load(given) as arrays:
        vectors, queries = arrays["vectors"], arrays["queries"]
    Path(folder).mkdir(parents=True)
    started = time.perf_counter()
    search = PEERS[peer](vectors, Path(folder))
    built_s = time.perf_counter() - started
    times, n_found = [], 0
    for n, query in enumerate(queries):
        started = time.perf_counter()
        found = search(query)
        if n >= N_WARM:
            times.append((time.perf_counter() - started) * 1000)
        exact = np.argpartition(-(vectors @ query), K)[:K]
        n_found += len(set(exact.tolist()) & {int(id_) for id_ in found})
    status = Path("/proc/self/status").read_text()
    print(
        json.dumps(
            {
                "p50": float(np.percentile(times, 50)),
                "p95": float(np.percentile(times, 95)),
                "recall": n_found / (K * len(queries)),
                "built_s": built_s,
                "disk_mb": sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
                / 1e6,
                "rss_mib": float(status.partition("VmRSS:")[2].split()[0]) / 1024,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
