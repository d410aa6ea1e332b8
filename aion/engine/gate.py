"""One computation at a time on the CPU: two contexts computing at once spin against each other.

The compute gate is shared by every context of the process; on a GPU it costs nothing to speak of.
"""

from __future__ import annotations

import threading


class ComputeGate:
    """A lock by another name; its holder computes. Reentrant use is a mistake and blocks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
