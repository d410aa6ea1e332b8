"""One computation at a time on the CPU: two contexts computing at once spin against each other.

The compute gate is shared by every context of the process; on a GPU it costs nothing to speak of. It goes to
who came first, so that the many short steps of streams do not keep a question's embedding out; background
work (documents being embedded) gives way to both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from aion.fair_lock import FairLock

QUIET_S = 0.05  # between two steps of a stream nobody computes, and yet it is under way
PATIENCE_S = 1.0
_SHARE = 20  # of a gate that is never quiet, background work takes about one part in so many


class ComputeGate:
    """A lock in the order of arrival; its holder computes. Reentrant use is a mistake and blocks."""

    def __init__(self, quiet_s: float = QUIET_S, patience_s: float = PATIENCE_S) -> None:
        self._lock = FairLock()
        self._used_at = 0.0
        self._quiet_s = quiet_s
        self._least_patience_s = self._patience_s = patience_s

    def __enter__(self) -> None:
        self._lock.__enter__()

    def __exit__(self, *_: object) -> None:
        self._used_at = time.monotonic()
        self._lock.release()

    @property
    def n_waiting(self) -> int:
        """How many wait for the gate."""
        return self._lock.n_waiting

    @contextmanager
    def background(self) -> Iterator[None]:
        """Hold the gate for work that nobody waits for: when nobody else has computed for a moment, or
        after a long wait, so that it goes on under any load."""
        self._wait_until_quiet(time.monotonic() + self._patience_s)
        with self._lock:
            started = time.monotonic()
            try:
                yield
            finally:
                self._patience_s = max(self._least_patience_s, _SHARE * (time.monotonic() - started))

    def _wait_until_quiet(self, deadline: float) -> None:
        while (now := time.monotonic()) < deadline and self._lock.wait_idle(deadline - now):
            now, quiet_at = time.monotonic(), self._used_at + self._quiet_s
            if now >= min(quiet_at, deadline):
                return
            time.sleep(min(quiet_at, deadline) - now)
