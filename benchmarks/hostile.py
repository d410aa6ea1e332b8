"""What hostile clients do to the service: idle streams, slow readers and writers, malformed requests.

    python benchmarks/hostile.py [--streams 1000] [--slow 500] [--seconds 20] [--rounds 3] [--requests 10000]
                                 [--cases idle slow malformed] [--json benchmarks/hostile.json]

The server is a process of its own with the embedded models and one compute thread; its memory is VmRSS of
/proc. Idle: streams that have had their first word, KiB of each. Slow: eight streams that generate all the
time, tokens a second in turns without and with the slow ones beside them; half of these send a request a
byte a second, half read an answer of some hundred kilobytes at 1 KiB a second. Malformed: the requests of
mutator.py; an answer that is no 4xx in AION's form, nor a 501, 503 or 504 with its reason, is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.hostile_clients import Verdict, throw
from benchmarks.mutator import attacks

_ROOT = Path(__file__).parents[1]
_CHAT = {"model": "aion", "messages": [{"role": "user", "content": "Fale de Sintra"}], "stream": True}
_TOKENS = 400
_QUARTERS = 4


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def rss_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    @property
    def n_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def generates(self) -> bool:
        body = {"prompt": "Oi", "max_new_tokens": 2}
        url = f"http://127.0.0.1:{self.port}/generate"
        return httpx.post(url, json=body, timeout=60).status_code == 200

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=60)


@contextlib.contextmanager
def served(*arguments: str, **more: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        port = _free_port()
        log = Path(folder) / "log.txt"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AION_", "PRIMARY_"))}
        own = {
            "AION_DB": f"{folder}/aion.db",
            "AION_THREADS": "1",
            "AION_SPECULATION": "false",
            "OMP_NUM_THREADS": "1",
            "AION_PARALLEL": "8",
        }
        own |= {"AION_MODELS_DIR": str(_ROOT / "models"), "AION_TRAIN_ROOT": f"{folder}/trainer"}
        own |= {"AION_EVENTS_JSONL": f"{folder}/events.jsonl", "AION_LOG": "text"}
        command = [sys.executable, str(_ROOT / "benchmarks" / "hostile_server.py"), str(port), *arguments]
        environment = kept | own | {"PYTHONPATH": str(_ROOT)} | more
        out = stack.enter_context(log.open("wb"))
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
        stack.callback(process.wait)
        stack.callback(process.kill)
        server = Server(process, port, log)
        _wait_ready(server)
        yield server


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _wait_ready(server: Server) -> None:
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up and server.process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if server.get("/health").json().get("status") == "ok":
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {server.log.read_text()[-2000:]}")


def post(path: str, body: object) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


async def idle(n: int, hold_s: float) -> dict[str, Any]:
    """KiB of memory of each of `n` open streams, and whether all are still open after a while."""
    with served("--idle") as server:
        connections = [await _opened(server) for _ in range(20)]  # what the first ones load once
        before = server.rss_kib
        for start in range(0, n, 50):
            connections += await asyncio.gather(*(_opened(server) for _ in range(min(50, n - start))))
        opened = server.rss_kib
        await asyncio.sleep(hold_s)
        held = server.rss_kib
        started = time.monotonic()
        is_well = server.get("/health").status_code == 200
        health_ms = (time.monotonic() - started) * 1e3
        n_open = sum(not reader.at_eof() for reader, _ in connections)
        for _, writer in connections:
            writer.transport.abort()
        await asyncio.sleep(2)
        return {
            "streams": n,
            "still_open": n_open - 20,
            "kib_each": round((opened - before) / n, 1),
            "kib_each_after_holding": round((held - before) / n, 1),
            "held_s": hold_s,
            "files_after": server.n_files,
            "health_ms": round(health_ms, 1),
            "is_well": is_well,
            "errors_logged": _errors(server),
        }


async def _opened(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*server.address)
    writer.write(post("/v1/chat/completions", _CHAT))
    async with asyncio.timeout(60):
        await reader.readuntil("Olá".encode())
    return reader, writer


async def slow(n: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Tokens a second of eight streams, in turns alone and beside `n` slow connections."""
    alone: list[float] = []
    beside: list[float] = []
    with served() as server:
        stop = asyncio.Event()
        counts = [0] * 8
        normal = [asyncio.create_task(_normal(server, counts, i, stop)) for i in range(8)]
        await asyncio.sleep(3)
        for _ in range(rounds):
            alone.append(await _rate(counts, seconds))
            crowd = [
                asyncio.create_task(_slow_writer(server) if i % 2 else _slow_reader(server)) for i in range(n)
            ]
            await asyncio.sleep(min(10.0, seconds))
            beside.append(await _rate(counts, seconds))
            n_left = sum(task.done() for task in crowd)
            for task in crowd:
                task.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)
            await asyncio.sleep(2)
        stop.set()
        await asyncio.gather(*normal)
        before, after = statistics.median(alone), statistics.median(beside)
        return {
            "connections": n,
            "closed_by_server": n_left,
            "tokens_per_s_alone": [round(rate, 1) for rate in alone],
            "tokens_per_s_beside": [round(rate, 1) for rate in beside],
            "slowdown_percent": round((1 - after / before) * 100, 1),
            "errors_logged": _errors(server),
        }


async def _normal(server: Server, counts: list[int], at: int, stop: asyncio.Event) -> None:
    body = _CHAT | {"max_tokens": _TOKENS, "ignore_eos": True, "stream_options": {"include_usage": True}}
    while not stop.is_set():
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(post("/v1/chat/completions", body))
        while (line := await reader.readline()) and not line.startswith(b"data: [DONE]"):
            counts[at] += b'"delta": {"content"' in line
        writer.close()


async def _rate(counts: list[int], seconds: float) -> float:
    """Pieces of text a second: a step gives each stream one."""
    before, started = sum(counts), time.monotonic()
    await asyncio.sleep(seconds)
    return (sum(counts) - before) / (time.monotonic() - started)


async def _slow_writer(server: Server) -> None:
    """A byte a second, of the head and then of the body."""
    reader, writer = await asyncio.open_connection(*server.address)
    request = post("/v1/chat/completions", _CHAT | {"max_tokens": 2, "user": "x" * 300})
    try:
        writer.write(request[:140])
        for byte in request[140:]:
            writer.write(bytes([byte]))
            await asyncio.sleep(1)
        await reader.read()
    except OSError:
        pass
    finally:
        writer.transport.abort()


async def _slow_reader(server: Server) -> None:
    """An answer of some hundred kilobytes, a kilobyte a second."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # or the kernel would read for it
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, server.address)
    reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
    try:
        writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        while await reader.read(1024):  # noqa: ASYNC110 - it waits between two reads
            await asyncio.sleep(1)
    except OSError:
        pass
    finally:
        writer.transport.abort()


async def malformed(n: int, seed: int) -> dict[str, Any]:
    """What the server answers to `n` requests of the mutator, and what it keeps of them."""
    with served() as server:
        await throw(server.address, attacks(500, seed=seed + 1), 8, 1.0)  # what the first ones load once
        await asyncio.sleep(2)
        rss, files, started = server.rss_kib, server.n_files, time.monotonic()
        verdict, coming, grown = Verdict(), attacks(n, seed=seed), list[int]()
        for _ in range(_QUARTERS):
            verdict += await throw(server.address, islice(coming, -(-n // _QUARTERS)), 8, 1.0)
            grown.append(server.rss_kib // 1024)
        seconds = time.monotonic() - started
        for wrong in verdict.wrong[:20]:
            print(wrong)
        await asyncio.sleep(3)
        health = server.get("/health").json()
        is_well = server.generates()
        return {
            "requests": n,
            "seconds": round(seconds, 1),
            "answers": dict(sorted(verdict.counts.items())),
            "wrong_answers": len(verdict.wrong),
            "rss_mib_before": rss // 1024,
            "rss_mib_by_quarters": grown,
            "files_before": files,
            "files_after": server.n_files,
            "slots_taken_after": health["n_running"] + health["n_waiting"],
            "answers_after": is_well,
            "errors_logged": _errors(server),
        }


def _errors(server: Server) -> int:
    """Lines of the log that tell of a failure; the first ones are printed."""
    lines = server.log.read_text(errors="replace").splitlines()
    bad = [line for line in lines if " ERROR" in line or "Traceback" in line or "unexpectedly" in line]
    for line in bad[:5]:
        print("log:", line)
    return len(bad)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", default=["idle", "slow", "malformed"])
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--hold", type=float, default=40.0)
    parser.add_argument("--slow", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    told: dict[str, Any] = {"machine": f"{os.cpu_count()} CPUs, Python {platform.python_version()}"}
    if "idle" in wanted.cases:
        told["idle"] = asyncio.run(idle(wanted.streams, wanted.hold))
        print(json.dumps(told["idle"]))
    if "slow" in wanted.cases:
        told["slow"] = asyncio.run(slow(wanted.slow, wanted.seconds, wanted.rounds))
        print(json.dumps(told["slow"]))
    if "malformed" in wanted.cases:
        told["malformed"] = asyncio.run(malformed(wanted.requests, wanted.seed))
        print(json.dumps(told["malformed"]))
    print(_table(told))
    if wanted.json:
        wanted.json.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def _table(told: dict[str, Any]) -> str:
    lines = ["| case | measured | goal |", "| --- | --- | --- |"]
    if case := told.get("idle"):
        lines.append(
            f"| {case['streams']} idle streams | {case['still_open']} open after {case['held_s']:.0f} s, "
            f"{case['kib_each_after_holding']} KiB each | stable, <= 100 KiB each |"
        )
    if case := told.get("slow"):
        lines.append(
            f"| {case['connections']} slow readers and writers beside 8 streams | "
            f"{case['slowdown_percent']} % slower | <= 10 % |"
        )
    if case := told.get("malformed"):
        grown = ", ".join(map(str, case["rss_mib_by_quarters"]))
        lines.append(
            f"| {case['requests']} malformed requests | {case['wrong_answers']} wrong answers, "
            f"{case['errors_logged']} errors logged, {case['slots_taken_after']} slots taken, RSS "
            f"{case['rss_mib_before']} MiB, by quarters {grown}; files {case['files_before']} -> "
            f"{case['files_after']} | no 500, no leak, no stuck slot |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
