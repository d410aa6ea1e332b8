"""Who ingests now: one at a time, in the order they came, so that an upload waits for one document of a long
pass and not for the pass."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class Turns:
    """A lock that goes to whoever has waited longest; `with` takes a turn. Safe for threads."""

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
        with self._changed:
            self._is_taken = False
            self._changed.notify_all()

    @property
    def n_waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._queue)

    def pass_on(self) -> None:
        """Let those who wait go first. The caller's turn it must be, and is again afterwards."""
        if self._queue:
            self.__exit__(None, None, None)
            self.__enter__()
