"""A real `aion serve` for tests, told nothing but a free port, and what it says."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.cli.conftest import command, environment
from tests.server.live import DEADLINE_S, wait_until

_IN_TERMINAL = """
import fcntl, os, signal, sys, termios
os.setsid()
if os.environ.get("UNDER_NOHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0)
os.close(int(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class Served:
    """The process, its folder, and the address at which it answers."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: str

    @property
    def log(self) -> str:
        return (self.folder / "stderr.txt").read_text("utf-8")

    def status(self, path: str, **headers: str) -> int:
        """That of a GET; 0 when nobody answers."""
        try:
            return httpx.get(f"{self.url}{path}", headers=headers, timeout=DEADLINE_S).status_code
        except httpx.HTTPError:
            return 0

    def wait_ready(self) -> None:
        wait_until(lambda: self.status("/ready") == 200, "aion serve to be ready")

    def wait_log(self, words: str) -> None:
        wait_until(lambda: words in self.log, f"{words!r} in the log")

    def ended(self) -> int:
        """The exit code."""
        return self.process.wait(DEADLINE_S)


@contextlib.contextmanager
def started(folder: Path, *, terminal: int | None = None, **more: str) -> Iterator[Served]:
    """It answers already, and loads still; killed at the end when it lives. `terminal` is the descriptor of
    one that becomes its own."""
    serve = command("serve", "--port", "0")
    if terminal is not None:
        serve = [sys.executable, "-c", _IN_TERMINAL, str(terminal), *serve]
    with (folder / "stderr.txt").open("wb") as complaints:
        process = subprocess.Popen(
            serve, cwd=folder, env=environment(**more), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=complaints, pass_fds=() if terminal is None else (terminal,),
        )  # fmt: skip
    watchdog = threading.Timer(2 * DEADLINE_S, process.kill)
    watchdog.start()
    try:
        found: list[str] = []

        def has_address() -> bool:
            found.extend(
                re.findall(r"(http://\S+) answers; loading", (folder / "stderr.txt").read_text("utf-8"))
            )
            return bool(found) or process.poll() is not None

        wait_until(has_address, "aion serve to answer")
        yield Served(process, folder, found[0])
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()


@contextlib.contextmanager
def supervisor(path: Path) -> Iterator[list[str]]:
    """A socket as systemd's NOTIFY_SOCKET; the datagrams that came to it so far."""
    told: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(os.fspath(path))

        def listen() -> None:
            while message := receiver.recv(4096):
                told.append(message.decode())

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield told
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"", os.fspath(path))
            thread.join()
