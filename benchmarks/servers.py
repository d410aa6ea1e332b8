"""Starts and ends the servers that are measured, one process each, and reads their memory.

Knows how each is told of model, streams and threads; nothing of what is asked of it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
_START_S = 300.0
_END_S = 20.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What a server is to serve: a GGUF (or, for the original stack, a checkpoint), so many streams of
    `n_ctx` tokens each, so many threads, an adapter or none."""

    model: Path
    n_streams: int
    n_ctx: int
    n_threads: int
    adapter: Path | None = None
    flags: tuple[str, ...] = ()

    def with_flags(self, *flags: str) -> Setup:
        """The same with more flags for llama-server."""
        return replace(self, flags=(*self.flags, *flags))


@dataclass(frozen=True, slots=True)
class Server:
    """One that answers."""

    port: int
    pid: int

    def memory(self) -> dict[str, int]:
        """Resident bytes by kind: RssAnon, RssFile, RssShmem, and VmRSS, their sum."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        pairs = (line.split() for line in lines if line.startswith(("Rss", "VmRSS")))
        return {name.rstrip(":"): int(kib) << 10 for name, kib, _ in pairs}

    def mapped_bytes(self, path: Path) -> int:
        """Resident bytes of the file `path` as the process maps it."""
        found, is_it = 0, False
        for line in Path(f"/proc/{self.pid}/smaps").read_text().splitlines():
            name, *rest = line.split(maxsplit=5)
            if not name.endswith(":"):
                is_it = bool(rest) and rest[-1] == str(path)
            elif name == "Rss:" and is_it:
                found += int(rest[0]) << 10
        return found


def aion_environment(setup: Setup, folder: str, port: int) -> dict[str, str]:
    """This process's environment with AION's settings for a service whose files are in `folder`."""
    given = {
        "AION_BASE_MODEL": setup.model, "AION_DB": f"{folder}/aion.db", "AION_MODELS_DIR": folder,
        "AION_ADAPTER_DIR": setup.adapter or f"{folder}/none", "AION_PARALLEL": setup.n_streams,
        "AION_TRAIN_ROOT": setup.model.parent,
        "AION_CTX": setup.n_ctx, "AION_THREADS": setup.n_threads, "AION_HOST": "127.0.0.1", "AION_PORT": port,
        "PYTHONPATH": ROOT,
    }  # fmt: skip
    rest = {name: value for name, value in os.environ.items() if not name.startswith("AION_")}
    return rest | {name: str(value) for name, value in given.items()}


@contextlib.contextmanager
def aion(setup: Setup, command: tuple[str, ...] = ("-m", "aion", "serve")) -> Iterator[Server]:
    """`aion serve` with an empty store; `command` are Python's arguments."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = aion_environment(setup, folder, port)
        with process([sys.executable, *command], port, folder, environment) as server:
            yield server


@contextlib.contextmanager
def llama_server(setup: Setup, program: Path) -> Iterator[Server]:
    """llama-server with a part of the KV cache for each slot, or with the flag -kvu one for all; its prompt
    cache is on by itself."""
    port = free_port()
    command = [
        str(program), "-m", str(setup.model), "-t", str(setup.n_threads), "-np", str(setup.n_streams),
        "-c", str(setup.n_ctx * setup.n_streams), "--host", "127.0.0.1", "--port", str(port),
        "--no-webui", *setup.flags,
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, process(command, port, folder) as server:
        yield server


@contextlib.contextmanager
def original_stack(setup: Setup) -> Iterator[Server]:
    """transformers and PEFT behind one lock (original_stack.py)."""
    port = free_port()
    script = Path(__file__).with_name("original_stack.py")
    command = [sys.executable, str(script), str(setup.model), "--port", str(port)]
    command += ["--threads", str(setup.n_threads)]
    command += ["--adapter", str(setup.adapter)] if setup.adapter else []
    with tempfile.TemporaryDirectory() as folder, process(command, port, folder) as server:
        yield server


@contextlib.contextmanager
def process(
    command: list[str], port: int, folder: str, environment: dict[str, str] | None = None
) -> Iterator[Server]:
    """A program that listens on `port`, until the block ends; it is waited for until it answers GET /health
    with anything but 503 and that it is loading. Raises RuntimeError with the end of its log when it ends by
    itself."""
    log = Path(folder, "server.log")
    with log.open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, env=environment)
    try:
        _await_health(running, port, log)
        yield Server(port, running.pid)
        if running.poll() is not None:
            raise RuntimeError(f"{command[0]} ended while it was measured:\n{log.read_text()[-2000:]}")
    finally:
        running.terminate()
        try:
            running.wait(_END_S)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _await_health(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    started = time.monotonic()
    while time.monotonic() - started < _START_S:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=_START_S) as answer:
                if b'"loading"' not in answer.read():
                    return
            time.sleep(0.1)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 503:
                return
            time.sleep(0.1)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start within {_START_S:.0f} s:\n{log.read_text()[-2000:]}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])
