"""A reader as none should be: does to its process what the document says."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable

from aion.errors import DocumentError
from aion.rag.readers.content import Content
from aion.types import Section

_KEPT: list[bytearray] = []


def read(data: bytes, name: str) -> Content:
    """`data` is one of the words below, or text to give back as it is."""
    word = data.decode()
    said = _DEEDS.get(word, lambda: None)()
    return Content("título", (Section(("a", "b"), said or word, 3, 4),), "2024-01-31", ("t",))


def _eat() -> None:
    eaten = []
    while True:
        eaten.append(bytearray(10**7))


def _print() -> None:
    print('{"error": "printed"}', flush=True)  # noqa: T201
    os.write(1, b"written")
    sys.stderr.write("x" * 10**6)


def _fail() -> None:
    raise KeyError("a part is missing.")


def _refuse() -> None:
    raise DocumentError("a.bad is not for reading.")


_DEEDS: dict[str, Callable[[], str | None]] = {
    "hang": lambda: time.sleep(3600),
    "hold": lambda: str(re.match(r"(a+)+$", "a" * 60 + "b")),  # lets no other thread of Python run
    "eat": _eat,
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda: os._exit(3),
    "quit": lambda: sys.exit(0),
    "leave": lambda: threading.Timer(0.05, os._exit, [0]).start(),  # when it is idle
    "grow": lambda: _KEPT.append(bytearray(150 * 10**6)),
    "print": _print,
    "fail": _fail,
    "refuse": _refuse,
    "look": lambda: f"{sorted(os.environ)} {sys.stdin.read()!r}",
    "pid": lambda: str(os.getpid()),
}
