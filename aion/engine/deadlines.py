"""Calls back when a time is over, from a thread of its own.

The engine thread may be deep in a computation then, so it cannot watch the clock itself. Thread-safe.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

_FEW = 64


class Deadlines:
    """Invariant: nothing is called back before its time, nor after `close`, nor once it was removed; at most
    about half of what is remembered was. The watching thread begins with the first deadline; what is called
    back on it must be quick."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: list[tuple[float, int]] = []
        self._on_passed: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """How many are remembered, removed ones among them."""
        return len(self._due)

    def add(self, seconds: float, on_passed: Callable[[], None]) -> int:
        """Call back in so many seconds from now; the number to remove it by."""
        with self._changed:
            number = next(self._numbers)
            self._on_passed[number] = on_passed
            heapq.heappush(self._due, (self._clock() + seconds, number))
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._watch, name="aion-deadlines", daemon=True)
                self._thread.start()
            if self._due[0][1] == number:
                self._changed.notify()
            return number

    def remove(self, number: int) -> None:
        """Nobody waits for it any more; harmless when it has passed."""
        with self._changed:
            self._on_passed.pop(number, None)
            if len(self._due) > _FEW + 2 * len(self._on_passed):
                self._due = [each for each in self._due if each[1] in self._on_passed]
                heapq.heapify(self._due)

    def _watch(self) -> None:
        while (on_passed := self._next()) is not None:
            on_passed()

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next that passes; None when closed."""
        with self._changed:
            while not self._is_closed:
                left = self._due[0][0] - self._clock() if self._due else threading.TIMEOUT_MAX
                if left > 0:
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                    continue
                on_passed = self._on_passed.pop(heapq.heappop(self._due)[1], None)
                if on_passed is not None:
                    return on_passed
            return None

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
