"""A lock that goes to whoever has waited longest. Knows nothing of what it guards."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class FairLock:
    """`with` takes a turn, in the order of arrival. Safe for threads; taking it twice in one blocks."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._is_taken = False

    def __enter__(self) -> None:
        place = object()
        with self._changed:
            self._queue.append(place)
            try:
                self._changed.wait_for(lambda: not self._is_taken and self._queue[0] is place)
                self._is_taken = True
            finally:
                self._queue.remove(place)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """End the turn of whoever has it."""
        with self._changed:
            self._is_taken = False
            self._changed.notify_all()

    @property
    def n_waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._queue)

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nobody has or wants the turn, without taking it; False when that did not come."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_taken and not self._queue, timeout_s)

    def pass_on(self) -> None:
        """Let those who wait go first. The caller's turn it must be, and is again afterwards."""
        if self._queue:
            self.release()
            self.__enter__()
