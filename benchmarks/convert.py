"""How fast and in how little memory does `aion convert` work beside llama.cpp's own converter?

    python benchmarks/convert.py --peer PATH/convert_hf_to_gguf.py [--runs 5] [--types f16,q8_0]

PATH is a checkout of llama.cpp (the source package of llama-cpp-python carries one: vendor/llama.cpp).
A checkpoint of 1.1 billion random weights (the shapes of TinyLlama, bf16, two shards, Mistral's own
tokenizer) is made in a temporary folder. Each case runs AION and the peer in turn, a process each,
files in the page cache. An adapter (rank 16, all linear layers, 7B shapes) goes through
scripts/convert_lora.py and the peer's convert_lora_to_gguf.py, where both are there; its base is
only a config.json, so nothing could read base weights. Time is wall time of the process, memory
its peak resident set. Medians, AION's share of the peer's, and every run go to --json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from make_model import MISTRAL_7B, TINY_LLAMA, write_adapter, write_checkpoint, write_model_folder

ROOT = Path(__file__).parents[1]
# A process counts the memory of the one that started it as its own peak, so a small one starts each run.
WATCH = """
import json, resource, subprocess, sys, time
with open(sys.argv[1], "wb") as log:
    started = time.monotonic()
    code = subprocess.call(sys.argv[2:], stdout=log, stderr=log)
    seconds = time.monotonic() - started
print(json.dumps([code, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""

Command = list[str]


@dataclass
class Runs:
    """What a side's processes took, a number a run."""

    seconds: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)


@dataclass
class Case:
    """One thing both can do; a command lacks its last word, the output. `peer` None: AION alone."""

    name: str
    aion: Command
    peer: Command | None
    runs: dict[str, Runs] = field(default_factory=lambda: {"aion": Runs(), "peer": Runs()})


# --- what is run -----------------------------------------------------------------------------------


def model_cases(work: Path, peer: Path, python: str, types: list[str]) -> Iterator[Case]:
    source = write_checkpoint(work / "model", TINY_LLAMA)
    for file_type in types:
        ours = [sys.executable, "-m", "aion", "convert", str(source), "--type", file_type, "--out"]
        theirs = [python, str(peer), str(source), "--outtype", file_type, "--outfile"]
        yield Case(f"1.1B to {file_type}", ours, theirs)


def adapter_cases(work: Path, peer: Path, python: str) -> Iterator[Case]:
    script, other = ROOT / "scripts" / "convert_lora.py", peer.with_name("convert_lora_to_gguf.py")
    if not script.exists():
        print("scripts/convert_lora.py is not there: no adapter case.")
        return
    base = write_model_folder(work / "base", MISTRAL_7B)
    adapter = write_adapter(work / "adapter", MISTRAL_7B)

    given = ["--base", str(base), "--adapter", str(adapter)]
    ours = [sys.executable, str(script), *given, "--type", "f16", "--out"]
    theirs = [python, str(other), str(adapter), *given[:2], "--outtype", "f16", "--outfile"]
    yield Case("LoRA of 7B to f16", ours, theirs if other.exists() else None)


def run(command: Command, log: Path) -> tuple[float, float]:
    """Seconds and peak MiB of one process."""
    watched = [sys.executable, "-c", WATCH, str(log), *command]
    said = subprocess.run(watched, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout
    code, seconds, peak_kib = json.loads(said)
    if code:
        sys.exit(f"{' '.join(command)} ended with {code}:\n{log.read_text()[-2000:]}")
    return seconds, peak_kib / 1024


def measure(case: Case, work: Path, n_runs: int) -> None:
    sides = {"aion": case.aion} | ({"peer": case.peer} if case.peer else {})
    for number in range(n_runs):
        for side, command in sides.items():
            out = work / "out.gguf"
            os.sync()  # no run pays for what the one before it left in the page cache
            seconds, peak = run([*command, str(out)], work / "log")
            out.unlink()
            case.runs[side].seconds.append(seconds)
            case.runs[side].peak_mib.append(peak)
            print(f"  {case.name}, run {number + 1}, {side}: {seconds:.2f} s, {peak:.0f} MiB", flush=True)


# --- what is said ----------------------------------------------------------------------------------


def print_table(cases: list[Case]) -> None:
    head = f"{'':20} {'AION':>9} {'peer':>9} {'ratio':>6}"
    print(f"\nmedian of {len(cases[0].runs['aion'].seconds)} runs\n{head}" if cases else "nothing measured")
    for case in cases:
        for label, unit in (("seconds", "s"), ("peak_mib", "MiB")):
            ours, theirs = (getattr(case.runs[side], label) for side in ("aion", "peer"))
            a, b = statistics.median(ours), statistics.median(theirs) if theirs else float("nan")
            print(f"{case.name:20} {a:9.2f} {b:9.2f} {a / b:6.2f}  {unit}")


def result(cases: list[Case]) -> dict[str, object]:
    machine = {"python": platform.python_version(), "numpy": np.__version__, "cores": os.cpu_count()}
    found: dict[str, object] = {}
    for case in cases:
        sides = {side: runs for side, runs in case.runs.items() if runs.seconds}
        found[case.name] = {
            side: asdict(runs)
            | {
                "median_seconds": statistics.median(runs.seconds),
                "median_peak_mib": statistics.median(runs.peak_mib),
            }
            for side, runs in sides.items()
        }
    return {"machine": machine, "cases": found}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", required=True, type=Path, help="llama.cpp's convert_hf_to_gguf.py")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python with torch and transformers")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--types", default="f16,q8_0", help='of the model; "" measures the adapter alone')
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--temporary", type=Path, help="a folder with 8 GB free (the system's own)")
    args = parser.parse_args()
    if not args.peer.is_file():
        parser.error(f"{args.peer} is not a file; give the path of convert_hf_to_gguf.py")
    done: list[Case] = []
    with tempfile.TemporaryDirectory(dir=args.temporary) as temporary:
        work = Path(temporary)
        types = [t for t in args.types.split(",") if t]
        for cases in (
            model_cases(work, args.peer.resolve(), args.peer_python, types) if types else iter(()),
            adapter_cases(work, args.peer.resolve(), args.peer_python),
        ):
            for case in cases:
                measure(case, work, args.runs)
                done.append(case)
    print_table(done)
    args.json.write_text(json.dumps(result(done), indent=2) + "\n")


if __name__ == "__main__":
    main()
