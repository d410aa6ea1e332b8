"""One computation at a time on the CPU: two contexts computing at once spin against each other.

The compute gate is shared by every context of the process; on a GPU it costs nothing to speak of. It goes to
who came first, so that the many short steps of streams do not keep a question's embedding out; background
work (documents being embedded) gives way to both.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

QUIET_S = 0.05  # between two steps of a stream nobody computes, and yet it is under way
PATIENCE_S = 1.0
_SHARE = 20  # of a gate that is never quiet, background work takes about one part in so many


class ComputeGate:
    """A lock in the order of arrival; its holder computes. Reentrant use is a mistake and blocks."""

    def __init__(self, quiet_s: float = QUIET_S, patience_s: float = PATIENCE_S) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._is_taken = False
        self._used_at = 0.0
        self._quiet_s = quiet_s
        self._least_patience_s = self._patience_s = patience_s

    def __enter__(self) -> None:
        self._acquire()

    def __exit__(self, *_: object) -> None:
        self._used_at = time.monotonic()
        self._release()

    @contextmanager
    def background(self) -> Iterator[None]:
        """Hold the gate for work that nobody waits for: when nobody else has computed for a moment, or
        after a long wait, so that it goes on under any load."""
        self._wait_until_quiet(time.monotonic() + self._patience_s)
        self._acquire()
        started = time.monotonic()
        try:
            yield
        finally:
            self._patience_s = max(self._least_patience_s, _SHARE * (time.monotonic() - started))
            self._release()

    def _wait_until_quiet(self, deadline: float) -> None:
        with self._changed:
            while (now := time.monotonic()) < deadline:
                quiet_at = self._used_at + self._quiet_s
                if self._is_taken or self._queue:
                    self._changed.wait(deadline - now)
                elif now < quiet_at:
                    self._changed.wait(min(quiet_at, deadline) - now)
                else:
                    return

    def _acquire(self) -> None:
        place = object()
        with self._changed:
            self._queue.append(place)
            try:
                self._changed.wait_for(lambda: not self._is_taken and self._queue[0] is place)
                self._is_taken = True
            finally:
                self._queue.remove(place)

    def _release(self) -> None:
        with self._changed:
            self._is_taken = False
            self._changed.notify_all()
