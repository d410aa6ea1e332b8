"""One child process and the two pipes to it: started, asked with a time limit, killed.

Owned by one thread at a time (sandbox.py sees to it), but any may stop it.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

from aion.rag.readers.worker import LENGTH

MAX_ANSWER_BYTES = 512 * 1024**2
_BLOCK_BYTES = 1024**2
_PIPE_BYTES = 64 * 1024
_ROOT = Path(__file__).parents[3]  # of the package `aion`; last in the path, so that nothing is hidden by it
_START = (
    "import sys; sys.path.append(sys.argv[1]); from aion.rag.readers.worker import main; "
    "main(int(sys.argv[2]), int(sys.argv[3]))"
)


class TimeIsUp(Exception):
    """The child did not answer in time."""


class ChildGone(Exception):
    """The child ended without an answer; the message says how."""


class ChildLeft(ChildGone):
    """The child ended of its own accord, as it does after a while without work."""


class Child:
    """A process of worker.py. After an error of `ask` it can only be killed."""

    def __init__(self, memory_bytes: int) -> None:
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-c", _START, str(_ROOT), str(lifeline), str(memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                pass_fds=(lifeline,),
                env={},  # no key or token of the parent's environment is anything to a parser
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(lifeline)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        os.set_blocking(self._requests.fileno(), False)

    def ask(self, module: str, data: bytes, name: str, timeout_s: float) -> bytes:
        """The child's answer to one document. Raises TimeIsUp, ChildGone."""
        until = time.monotonic() + timeout_s
        head = {"module": module, "name": name, "cpu_s": timeout_s, "n_bytes": len(data)}
        try:
            self._send(json.dumps(head).encode() + b"\n", until)
            self._send(data, until)
            (n_bytes,) = LENGTH.unpack(self._receive(LENGTH.size, until))
            if n_bytes > MAX_ANSWER_BYTES:
                raise ChildGone(f"an answer of {n_bytes:,} bytes")
            return self._receive(n_bytes, until)
        except OSError as error:
            raise self._gone() from error

    def stop(self) -> None:
        """Kill the process while another thread may wait for its answer, which learns it and cleans up."""
        self._process.kill()

    def kill(self) -> None:
        """End the process, whatever it is doing, and leave nothing of it behind."""
        self._process.kill()
        self._process.wait()
        self._requests.close()
        self._answers.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _send(self, data: bytes, until: float) -> None:
        rest = memoryview(data)
        while rest:
            self._wait(self._requests.fileno(), selectors.EVENT_WRITE, until)
            rest = rest[os.write(self._requests.fileno(), rest[:_PIPE_BYTES]) :]

    def _receive(self, n_bytes: int, until: float) -> bytes:
        received = bytearray()
        while len(received) < n_bytes:
            self._wait(self._answers.fileno(), selectors.EVENT_READ, until)
            block = os.read(self._answers.fileno(), min(_BLOCK_BYTES, n_bytes - len(received)))
            if not block:
                raise self._gone()
            received += block
        return bytes(received)

    @staticmethod
    def _wait(fd: int, event: int, until: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(fd, event)
            if not selector.select(max(0.0, until - time.monotonic())):
                raise TimeIsUp

    def _gone(self) -> ChildGone:
        """How the process ended, in words."""
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return ChildGone("it closed its pipe")
        if code == 0:
            return ChildLeft("it left")
        return ChildGone(f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}")
