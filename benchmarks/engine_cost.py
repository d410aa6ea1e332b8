"""What is measured of cost: adapters swapped while serving, Python's share, memory, the stack AION replaces.

A function a case, as in engine_cases.py.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench import Bench, Row, Start, Values, row_of
from load import ask, question, throughput, wave
from make_model import RandomModel
from servers import Server, aion, aion_environment, original_stack

_MIB = 1 << 20


def swap(bench: Bench) -> Iterator[Row]:
    """A new adapter, and then another, under eight running streams; AION alone, the peer cannot."""

    async def measure(model: RandomModel, server: Server, number: int) -> Values:
        await wave(server.port, 8, 8, 16, "warm")
        window_s = 12.0 if bench.is_quick else 20.0
        until = time.monotonic() + window_s
        running = asyncio.create_task(wave(server.port, 8, 900, 8, number, until))
        await asyncio.sleep(window_s / 3)
        begun, seconds = time.monotonic(), []
        for k in (0, 1):
            seconds.append(await asyncio.to_thread(_reload, server.port, model.adapter(k)))
            await asyncio.sleep(0.5)
        answers = await running
        after = await asyncio.gather(*(ask(server.port, question(32, k), 16) for k in range(2)))
        failed = [a for a in (*answers, *after) if a.trouble or not a.times]
        return {
            "pause_ms": 1000 * max(a.longest_gap_s(since=begun) for a in answers),
            "before_ms": 1000 * max(a.longest_gap_s(until=begun) for a in answers),
            "errors": len(failed),
            "reload_s": max(seconds),
        }

    for name in bench.models:
        model = bench.model(name)
        sides: dict[str, Start] = {"aion": partial(aion, bench.setup(model.gguf, 8))}
        found = bench.alternate(f"swap, {name}", sides, partial(measure, model))
        yield row_of(found, "pause_ms", f"swap, longest pause of a stream, {name}", "ms", "<= 500")
        yield row_of(found, "before_ms", f"swap, longest pause before it, {name}", "ms", "")
        yield row_of(found, "errors", f"swap, failed requests, {name}", "", "0")


def _reload(port: int, path: Path) -> float:
    """Seconds until the adapter at `path` is live."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/adapter/reload",
        data=json.dumps({"path": str(path)}).encode(),
        headers={"Content-Type": "application/json"},
    )
    started = time.monotonic()
    with urllib.request.urlopen(request) as response:
        said = json.load(response)
    if not said["ok"]:
        raise RuntimeError(f"the adapter was refused: {said['error']}")
    return time.monotonic() - started


def python_share(bench: Bench) -> Iterator[Row]:
    """Python's share of a step of eight streams, the engine alone and behind HTTP (python_share.py)."""
    script = str(Path(__file__).with_name("python_share.py"))
    setup = bench.setup(bench.model("125m").gguf, 8)
    found: dict[str, list[Values]] = {"alone": [], "served": []}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "share.json")
        for number in range(bench.n_runs):
            command = [sys.executable, script, "--out", str(out), "--alone", "8"]
            subprocess.run(command, check=True, cwd=folder, env=aion_environment(setup, folder, 0))
            found["alone"].append(json.loads(out.read_text()))
            with aion(setup, (script, "--out", str(out))) as server:
                asyncio.run(wave(server.port, 8, 256, 32, number))
            found["served"].append(json.loads(out.read_text()))
            for side, runs in found.items():
                print(f"  python share, run {number + 1}, {side}: {runs[-1]}", flush=True)
    for side, goal in (("alone", "<= 3"), ("served", "")):
        for key, unit, name in (
            ("python_percent", "%", "Python's share of a step"),
            ("step_ms", "ms", "a step"),
            ("compute_ms", "ms", "llama.cpp's part of a step"),
        ):
            values = [run[key] for run in found[side]]
            yield Row(f"{name}, {side}, 125m", unit, goal if unit == "%" else "", values)


def memory(bench: Bench) -> Iterator[Row]:
    """What an idle server holds over its model and its KV cache, eight slots of 1,024 tokens."""

    async def measure(model: RandomModel, server: Server, _number: int) -> Values:
        await wave(server.port, 8, 8, 16, "warm")
        await asyncio.sleep(2.0)
        held = {name: size / _MIB for name, size in server.memory().items()}
        mapped = server.mapped_bytes(model.gguf) / _MIB
        known = model.gguf.stat().st_size / _MIB + model.kv_bytes(8 * 1024) / _MIB
        return held | {"mapped": mapped, "over": held["VmRSS"] - known}

    for name in bench.models:
        model = bench.model(name)
        sides = bench.sides(bench.setup(model.gguf, 8))
        found = bench.alternate(f"memory, {name}", sides, partial(measure, model))
        yield row_of(found, "over", f"idle memory over file + KV, {name}", "MiB", "AION <= 200")


def original(bench: Bench) -> Iterator[Row]:
    """The stack AION replaces, both with an adapter: tokens a second of eight requests, and memory."""
    n_tokens = 32 if bench.is_quick else 64

    async def measure(server: Server, number: int) -> Values:
        await wave(server.port, 1, 8, 16, "warm")
        speed = throughput(await wave(server.port, 8, n_tokens, 64, number))
        return {"tokens_per_s": speed, "memory": server.memory()["VmRSS"] / _MIB}

    for name in bench.models:
        model = bench.model(name)
        ours = bench.setup(model.gguf, 8, 512, adapter=model.adapter())
        theirs = bench.setup(model.checkpoint, 8, 512, adapter=model.peft())
        sides: dict[str, Start] = {"aion": partial(aion, ours), "original": partial(original_stack, theirs)}
        found = bench.alternate(f"original stack, {name}", sides, measure)
        yield row_of(found, "tokens_per_s", f"8 streams with an adapter, {name}", "tok/s", ">= 5")
        yield row_of(found, "memory", f"resident memory, {name}", "MiB", "<= 0.5")
