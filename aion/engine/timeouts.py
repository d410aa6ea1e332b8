"""How long a sequence may wait for its turn, and how long it may take in all. Thread-safe."""

from __future__ import annotations

from collections.abc import Callable

from aion.engine.deadlines import Deadlines
from aion.engine.messages import Late


class Timeouts:
    """Says of a sequence that its time is over: `on_queued` when it may wait no longer, `on_late` when it
    may take no longer. Both are called on a thread of their own, until it is forgotten."""

    def __init__(
        self, in_queue_s: float | None, on_queued: Callable[[Late], None], on_late: Callable[[Late], None]
    ) -> None:
        """`in_queue_s` None: every sequence waits as long as it takes."""
        self._in_queue_s = in_queue_s
        self._on_queued = on_queued
        self._on_late = on_late
        self._deadlines = Deadlines()
        self._numbers: dict[int, list[int]] = {}

    def watch(self, sequence_id: int, timeout_s: float | None) -> None:
        """From now on; `timeout_s` None: it takes as long as it takes."""
        numbers: list[int] = []
        if self._in_queue_s is not None:
            queued = Late(
                sequence_id,
                "busy",
                f"The request has waited {self._in_queue_s:g} s for its turn, as long as "
                "AION_QUEUE_TIMEOUT_S lets one wait; try again later.",
            )
            numbers.append(self._deadlines.add(self._in_queue_s, lambda: self._on_queued(queued)))
        if timeout_s is not None:
            late = Late(
                sequence_id,
                "timeout",
                f"The answer was not complete in the {timeout_s:g} s that timeout_s gives it; "
                "give it more, or ask for fewer tokens.",
            )
            numbers.append(self._deadlines.add(timeout_s, lambda: self._on_late(late)))
        self._numbers[sequence_id] = numbers

    def forget(self, sequence_id: int) -> None:
        """It has ended. A time of a day must not be remembered for a day."""
        for number in self._numbers.pop(sequence_id, ()):
            self._deadlines.remove(number)

    def close(self) -> None:
        """Nothing is called any more afterwards."""
        self._deadlines.close()
