"""The child process: reads one document after another from a pipe, within limits it sets on itself.

A request is a line of JSON `{"module", "name", "cpu_s", "n_bytes"}` and then the bytes; an answer is four
bytes of length (big-endian) and JSON: a content, or `{"error": sentence}`. Nothing else of AION is
imported here, and a reader only when it is first asked for.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import select
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO

from aion.errors import DocumentError
from aion.rag.readers.content import to_json
from aion.rag.readers.reading import read_whole

LENGTH = struct.Struct(">I")
_FILE_BYTES = 16 * 1024**2  # caches of compiled Python are written, nothing of a document is
_IDLE_S = 120.0
_MORE_CPU_S = 2  # the parent's clock comes first; this one ends a worker whose parent cannot


def main(lifeline: int, memory_bytes: int) -> None:
    """Serve until the requests end, or no more come for long, or much memory was needed.

    `lifeline` is a pipe's end that closes when the parent dies.
    """
    _die_with_parent(lifeline)
    _limit(memory_bytes)
    sys.modules["numpy"] = None  # type: ignore[assignment]  # openpyxl would load it, and needs it for nothing
    requests, answers = _take_pipes()
    while not _has_grown(memory_bytes) and _has_work(requests):
        request = json.loads(requests.readline() or b"null")
        if request is None:
            return
        _limit_cpu(request["cpu_s"])
        answer = _answer(request["module"], requests.read(request["n_bytes"]), request["name"])
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _has_work(requests: BinaryIO) -> bool:
    """Whether a request comes, or the end of them, before this process has been idle for long."""
    return bool(select.select([requests], [], [], _IDLE_S)[0])


def _has_grown(memory_bytes: int) -> bool:
    """Whether the documents so far have left so little that the next might not have enough."""
    n_pages = int(Path("/proc/self/statm").read_text().split()[0])
    return n_pages * resource.getpagesize() > memory_bytes // 2


def _answer(module: str, data: bytes, name: str) -> bytes:
    try:
        return to_json(read_whole(module, data, name))
    except DocumentError as error:
        return json.dumps({"error": error.message}).encode()
    except MemoryError:
        return json.dumps({"memory": True}).encode()


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes, moved to where a parser that prints or asks cannot reach them."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for taken in (0, 1, 2):
        os.dup2(nothing, taken)
    return requests, answers


def _die_with_parent(lifeline: int) -> None:
    """Have the kernel send SIGIO, which kills, when the last writer of this pipe is gone.

    PR_SET_PDEATHSIG would kill when the *thread* that started this process ends.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _limit(memory_bytes: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        limit = _at_most(what, most)
        resource.setrlimit(what, (limit, limit))


def _limit_cpu(cpu_s: float) -> None:
    """Let this process use `cpu_s` more seconds of processor time from now."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + cpu_s) + _MORE_CPU_S
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (_at_most(resource.RLIMIT_CPU, most), hard))


def _at_most(what: int, most: int) -> int:
    """`most`, or the limit this process already has where that is lower."""
    _, hard = resource.getrlimit(what)
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
