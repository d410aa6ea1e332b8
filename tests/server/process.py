"""`aion serve` as a process of its own, with a port of its own: what a kill or another process does to it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

DEADLINE_S = 60


def environment(folder: Path, **more: str) -> dict[str, str]:
    """This process's, without AION's settings; everything is in `folder`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AION_", "PRIMARY_"))}
    own = {"AION_DB": str(folder / "aion.db"), "AION_THREADS": "1", "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    return kept | own | more


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@dataclass(frozen=True)
class Served:
    """A process that answers, and a client of it."""

    process: subprocess.Popen[bytes]
    http: httpx.Client

    def ask(self, question: str, **more: object) -> dict[str, object]:
        """The answer of a question to the documents, of whatever confidence."""
        response = self.http.post("/api/ai/chat", json={"message": question, "tau": 0, "seed": 1} | more)
        assert response.status_code == 200, response.text
        answer: dict[str, object] = response.json()
        return answer

    def kill(self) -> None:
        """As a power cut ends it."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def served(folder: Path, *arguments: str, **more: str) -> Iterator[Served]:
    """A running `aion serve` that is ready to answer; what it says is in `folder`/log.txt."""
    port = free_port()
    command = [sys.executable, "-m", "aion", "serve", "--port", str(port), *arguments]
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(folder, **more), stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S) as http:
            _wait_ready(process, http, folder)
            yield Served(process, http)
    finally:
        process.kill()
        process.wait()


def _wait_ready(process: subprocess.Popen[bytes], http: httpx.Client, folder: Path) -> None:
    give_up = time.monotonic() + DEADLINE_S
    while True:
        with contextlib.suppress(httpx.TransportError):
            if http.get("/ready").status_code == 200:
                return
        assert process.poll() is None, (folder / "log.txt").read_text()[-3000:]
        assert time.monotonic() < give_up, "the service was not ready in time"
        time.sleep(0.05)
