"""What does AION's service cost a request, beside bare Starlette, llama-server and LiteLLM's proxy?

    python benchmarks/http_service.py [--llama-server PATH] [--litellm PATH/bin/litellm] [--runs 5] [--json F]

Chat completions of 20 tokens are asked at random times, 200 a second whatever comes back, each counted from
when it was due, by a process of its own (http_load.py); AION with its keys, limits, log and headers, and
everything else but the engine (http_target.py). The servers stay up, and take turns, a run of 5 seconds each,
begun by another each time. Printed are medians of the runs.

`plain` is the whole answer at once, `stream` its 20 events; `first` is the way of a stream's first token
from the thread that made it to the one who asked. llama-server has no generator that computes nothing: one
token of the embedded model is asked, and the time it says it computed is taken off. LiteLLM (`pip install
'litellm[proxy]'`) makes up its answer (`mock_response`) and is asked as often as it can bear: 50 plain
answers a second and 20 streams. The machine should do nothing else.

(Not named http.py: the standard library has a package of that name, and every script here would get this
file for it.)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from http_peers import Side, litellm, llama, target

GOALS = {
    ("plain", "p50"): 2.0, ("plain", "p99"): 10.0, ("stream", "p50"): 2.0, ("stream", "p99"): 10.0,
    ("first", "p50"): 2.0,
}  # fmt: skip
_LOAD = Path(__file__).with_name("http_load.py")
_ASK = [{"role": "user", "content": "Fale do tour half-day em Sintra"}]
Found = dict[tuple[str, str], dict[str, list[float]]]


def load(side: Side, *, stream: bool, seconds: float, seed: int) -> list[dict[str, Any]]:
    """One run. Raises RuntimeError when a request failed."""
    body = {"model": "any", "messages": _ASK, "max_tokens": 20, "stream": stream, **side.fields}
    job = {
        "port": side.port, "path": "/v1/chat/completions", "key": side.key, "body": body, "seconds": seconds,
        "rate": side.stream_rate if stream else side.rate, "seed": seed,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(_LOAD)], input=json.dumps(job), capture_output=True, text=True, check=True
    )
    results: list[dict[str, Any]] = json.loads(done.stdout)
    troubles = [each["trouble"] for each in results if "trouble" in each]
    if troubles:
        raise RuntimeError(f"{len(troubles)} of {len(results)} requests failed, the first: {troubles[0]}")
    return results


def figures(results: list[dict[str, Any]], case: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Cases with p50 and p99 in milliseconds; what an engine computed is taken off."""
    yield case, quantiles([each["whole_ms"] - each.get("engine_ms", 0.0) for each in results])
    if case == "stream" and all("token_ms" in each for each in results):
        yield "first", quantiles([each["token_ms"] for each in results])


def quantiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p99": cuts[98]}


def measure(sides: dict[str, Side], n_runs: int, seconds: float) -> Found:
    """Milliseconds by case and side, a run each, of p50 and p99."""
    for side in sides.values():
        for stream in (False, True):
            load(side, stream=stream, seconds=1, seed=99)
    found: Found = {}
    for number in range(n_runs):
        order = list(sides)[number % len(sides) :] + list(sides)[: number % len(sides)]
        for stream in (False, True):
            for name in order:
                results = load(sides[name], stream=stream, seconds=seconds, seed=number)
                for case, values in figures(results, "stream" if stream else "plain"):
                    for quantile, value in values.items():
                        found.setdefault((case, name), {}).setdefault(quantile, []).append(value)
                    told = ", ".join(f"{key} {value:.2f} ms" for key, value in values.items())
                    print(f"  run {number + 1}, {case}, {name}: {told}", flush=True)
    return found


def print_table(found: Found, n_runs: int) -> None:
    print(f"\nmilliseconds, medians of {n_runs} runs\n{'':28} {'p50':>8} {'p99':>8}  goal")
    for (case, name), values in sorted(found.items()):
        p50, p99 = (statistics.median(values[q]) for q in ("p50", "p99"))
        goals = [f"{GOALS[case, q]:g}" for q in ("p50", "p99") if (case, q) in GOALS and name == "aion"]
        goal = f"<= {' / '.join(goals)}" if goals else ""
        print(f"{case:8} {name:19} {p50:8.2f} {p99:8.2f}  {goal}".rstrip())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--llama-server", type=Path)
    parser.add_argument("--litellm", type=Path)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a run")
    parser.add_argument("--json", type=Path, help="keep every run here")
    return parser.parse_args()


def main() -> None:
    args = parse()
    with ExitStack() as stack:
        starts: dict[str, contextlib.AbstractContextManager[Side]] = {
            "aion": target("aion", args.rate), "bare starlette": target("bare", args.rate),
        }  # fmt: skip
        if args.llama_server:
            starts["llama-server"] = llama(args.llama_server, args.rate)
        if args.litellm:
            starts["litellm"] = litellm(args.litellm, 50.0, 20.0)
        sides = {name: stack.enter_context(start) for name, start in starts.items()}
        rates = {name: (side.rate, side.stream_rate) for name, side in sides.items()}
        found = measure(sides, args.runs, args.seconds)
    print_table(found, args.runs)
    if args.json:
        machine = {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "cores": os.cpu_count(),
        }
        rows = [{"case": c, "side": n, "rate": rates[n][c != "plain"], **v} for (c, n), v in found.items()]
        args.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
