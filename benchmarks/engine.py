"""How fast does AION serve, beside llama-server built from the same source?

    python benchmarks/engine.py --peer PATH/llama-server [--cases one,many] [--models 125m,1.1b] [--runs 5]

Both serve over HTTP, one after the other, with the same model, threads, context and streams; a run of each
in turn, begun by the other each time, a fresh process a run. llama-server is measured with one KV cache for
all slots (-kvu) and with one each, a row each, the better one marked; it has its prompt cache, and where
answers copy its n-gram guesses in a row of their own. The peer is built from
the source package of llama-cpp-python (vendor/llama.cpp):

    cmake -B build -DCMAKE_BUILD_TYPE=Release -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF \\
          -DLLAMA_BUILD_TESTS=OFF && cmake --build build --target llama-server

on a machine with AMX with the flags of scripts/install.py. The models have random weights
(make_model.py; made once in --folder); the questions over documents go to the embedded one and to one that
copies (copying_model.py). The machine should do nothing else. Printed are medians and the ratio AION / peer
beside its goal; every run goes to --json. `--quick` is one short run of each case on the small model, to
see that it works.

Cases: one, many, first (token), documents, busy, swap, python, memory, original (transformers and PEFT).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from bench import Bench, Row
from engine_cases import busy, documents, first_token, many_streams, one_stream
from engine_cost import memory, original, python_share, swap
from make_model import SHAPES

from aion.machine import n_physical_cores

CASES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "one": one_stream, "many": many_streams, "first": first_token, "documents": documents, "busy": busy,
    "swap": swap, "python": python_share, "memory": memory, "original": original,
}  # fmt: skip


def print_table(rows: list[Row], n_runs: int) -> None:
    print(f"\nmedian of {n_runs} runs\n{'':48} {'AION':>9} {'peer':>9} {'ratio':>6}  goal")
    for row in rows:
        a, b = (statistics.median(runs) if runs else float("nan") for runs in (row.aion, row.peer))
        peer, ratio = (f"{b:9.2f}", f"{a / b:6.2f}" if b else "     -") if row.peer else (" " * 9, " " * 6)
        print(f"{row.name:48} {a:9.2f} {peer} {ratio}  {row.goal:12} {row.unit:6} {row.peer_name}".rstrip())


def result(rows: list[Row], bench: Bench) -> dict[str, object]:
    machine = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "threads": bench.n_threads,
        "load_before": os.getloadavg()[0],
    }
    found = [
        asdict(row) | {"median_aion": _median(row.aion), "median_peer": _median(row.peer)} for row in rows
    ]
    return {"machine": machine, "quick": bench.is_quick, "rows": found, "troubles": bench.troubles}


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", type=Path, help="llama-server; without it AION is measured alone")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--models", help=f"of {', '.join(SHAPES)} (125m,1.1b; with --quick 125m)")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--threads", type=int, default=n_physical_cores())
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "aion-bench-models")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    args = parser.parse_args()
    args.cases = args.cases.split(",")
    args.models = (args.models or ("125m" if args.quick else "125m,1.1b")).split(",")
    args.runs = args.runs or (1 if args.quick else 5)
    for name, known in (("cases", CASES), ("models", SHAPES)):
        if unknown := set(getattr(args, name)) - set(known):
            parser.error(f"--{name} {', '.join(sorted(unknown))}: unknown; there are {', '.join(known)}")
    if args.peer is not None and not args.peer.is_file():
        parser.error(f"{args.peer} is not a file; give the path of llama-server")
    return args


def main() -> None:
    args = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are ended on the way out
    peer = args.peer.resolve() if args.peer else None
    bench = Bench(args.folder.resolve(), peer, args.models, args.runs, args.threads, args.quick)
    rows: list[Row] = []
    for name in args.cases:
        for row in CASES[name](bench):
            rows.append(row)
            args.json.write_text(json.dumps(result(rows, bench), indent=2) + "\n")
    print_table(rows, args.runs)
    for trouble in bench.troubles:
        print(f"failed: {trouble}")


if __name__ == "__main__":
    main()
