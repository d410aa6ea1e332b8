"""Retrieval: quality, latency by size, ingestion, file and memory, beside what peers take for the vectors.

`python benchmarks/retrieval.py --data FOLDER [--split test] [--sizes 10000 100000] [--peer-python PYTHON]
[--json F]`. FOLDER holds passages.jsonl and questions.jsonl. The peers (numpy, faiss-flat, Chroma, LanceDB)
need their packages in PYTHON (this one if not given); one that is not there is left out. Every search runs
in a process of its own, one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from retrieval_corpus import ProjectingEmbedder, read_lines, write_files

from aion.rag.ingest import Ingester
from aion.server.library import open_library
from aion.settings import load_settings
from aion.store.connection import Store
from aion.store.documents import Documents
from aion.types import Embedder

HERE = Path(__file__).parent
PEERS = ("numpy", "faiss-flat", "chromadb", "lancedb")
N_QUESTIONS = 220
Report = dict[str, Any]


def main() -> None:
    options = parse_options()
    report: Report = {"n_cpus": os.cpu_count(), "sizes": {}}
    with tempfile.TemporaryDirectory(prefix="aion-retrieval-", dir=options.work) as name:
        work = Path(name)
        if options.quality:
            report["quality"] = quality(options)
            show_quality(report["quality"])
        report["ingest"] = ingest_rates(options, work)
        show("ingest, lexical only, chunks/s", report["ingest"]["lexical"], ">= 3000")
        show("ingest, embedded, chunks/s", report["ingest"]["embedded"], ">= 150")
        for n_chunks in options.sizes:
            report["sizes"][n_chunks] = measure(options, work / str(n_chunks), n_chunks)
            show_size(n_chunks, report["sizes"][n_chunks])
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="passages.jsonl and questions.jsonl")
    parser.add_argument("--split", default="", help="only questions of this split")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000], help="numbers of chunks")
    parser.add_argument("--dims", type=int, default=384, help="dimensions of the vectors")
    parser.add_argument("--ingest", type=int, default=10_000, help="chunks of the lexical ingestion")
    parser.add_argument("--embed", type=int, default=1_000, help="chunks of the embedded ingestion")
    parser.add_argument("--peer-python", type=Path, default=Path(sys.executable), help="Python of the peers")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS)
    parser.add_argument("--no-quality", dest="quality", action="store_false", help="latency only")
    parser.add_argument("--work", type=Path, default=None, help="where files go meanwhile")
    parser.add_argument("--json", type=Path, help="write all figures here")
    return parser.parse_args()


def quality(options: argparse.Namespace) -> Report:
    """`aion eval` of the data, by mode."""
    command = [sys.executable, "-m", "aion", "eval", "run", str(options.data), "--json"]
    if options.split:
        command += ["--split", options.split]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: Report = json.loads(done.stdout)
    return found


def ingest_rates(options: argparse.Namespace, work: Path) -> dict[str, float]:
    """Chunks a second from files to the store, without an embedder and with the product's own."""
    rates = {}
    write_files(options.data, work / "lexical", options.ingest)
    with closing(Store(work / "lexical.db")) as store:
        rates["lexical"] = _rate(Ingester(Documents(store), None), work / "lexical")
    write_files(options.data, work / "embedded", options.embed)
    with open_library(load_settings(db=work / "embedded.db")) as library:
        rates["embedded"] = _rate(library.ingester, work / "embedded")
    return rates


def _rate(ingester: Ingester, folder: Path) -> float:
    started = time.perf_counter()
    summary = ingester.ingest([folder], "t")
    return summary.n_chunks / (time.perf_counter() - started)


def measure(options: argparse.Namespace, work: Path, n_chunks: int) -> Report:
    """A store of so many chunks, searched; the same vectors searched by the peers."""
    work.mkdir()
    embedder = ProjectingEmbedder(options.dims)
    n_stored = build(options.data, work, n_chunks, embedder)
    questions = [line["question"] for line in read_lines(options.data / "questions.jsonl")
                 if not options.split or line.get("split") == options.split]  # fmt: skip
    questions = list(dict.fromkeys(questions))
    questions = questions[:: max(1, len(questions) // N_QUESTIONS)][:N_QUESTIONS]
    queries = np.stack([embedder.embed_query(question) for question in questions])
    np.savez(work / "queries.npz", questions=np.array(questions), vectors=queries, name=embedder.name)
    np.savez(work / "vectors.npz", vectors=np.concatenate(embedder.embedded), queries=queries)
    report = run(sys.executable, "retrieval_child.py", work / "aion.db", work / "queries.npz")
    report["n_chunks"] = n_stored
    report["file_mb"] = (work / "aion.db").stat().st_size / 1e6
    report["peers"] = {}
    for peer in options.peers:
        try:
            args = (peer, work / "vectors.npz", work / peer)
            report["peers"][peer] = run(options.peer_python, "retrieval_peers.py", *args)
        except subprocess.CalledProcessError as error:
            print(f"{peer} is left out: {(error.stderr.strip().splitlines() or ['it failed'])[-1]}")
    return report


def build(data: Path, work: Path, n_chunks: int, embedder: Embedder) -> int:
    """Ingest files of `n_chunks` chunks into a new store; returns how many chunks it has."""
    write_files(data, work / "files", n_chunks)
    with closing(Store(work / "aion.db")) as store:
        Ingester(Documents(store), embedder).ingest([work / "files"], "t")
        return Documents(store).count_chunks("t")


def run(python: str | Path, script: str, *args: object) -> Report:
    """What a script prints, as JSON."""
    command = [str(python), str(HERE / script), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: Report = json.loads(done.stdout.splitlines()[-1])
    return found


def show(name: str, value: float | str, goal: str = "") -> None:
    print(f"{name:<52}{value if isinstance(value, str) else f'{value:,.1f}':>16}   {goal}", flush=True)


def show_quality(found: Report) -> None:
    goals = {"lexical": ">= 0.84", "hybrid": ">= max(lexical, dense) - 0.005"}
    for mode, figures in found["modes"].items():
        show(
            f"{mode}, nDCG@10 of {figures['n_questions']:.0f} questions",
            f"{figures['ndcg']:.4f}",
            goals.get(mode, ""),
        )


def show_size(n_chunks: int, found: Report) -> None:
    goals = {10_000: "<= 4 / 10", 100_000: "<= 25 / 60"}
    print(f"\n{n_chunks:,} chunks ({found['n_chunks']:,} in the store)")
    show("whole retrieval without embedding, ms p50 / p95", both(found["all_ms"]), goals.get(n_chunks, ""))
    for stage, times in found["stages_ms"].items():
        show(f"  {stage}", both(times))
    show("first search of a process, ms", found["first_ms"])
    show("file, MB per 100,000 chunks", found["file_mb"] / n_chunks * 100_000, "<= 350")
    show("RSS while searching, MiB", found["memory_mib"]["VmRSS"], "<= 400 at 100,000")
    for peer, figures in found["peers"].items():
        beside = (
            f"recall {figures['recall']:.3f}, {figures['disk_mb']:,.0f} MB, RSS {figures['rss_mib']:,.0f} MiB"
        )
        show(f"{peer}, nearest 24 only, ms p50 / p95", both(figures), beside)


def both(times: dict[str, float]) -> str:
    return f"{times['p50']:.1f} / {times['p95']:.1f}"


if __name__ == "__main__":
    main()
