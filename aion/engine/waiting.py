"""Who is admitted next: interactive work before batch work, each in order of arrival.

Knows neither slots nor cells. Owned by the engine thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from aion.engine.sequence import Sequence

_PATIENCE = 8


class WaitingLine:
    """Batch work waits while interactive work does, but not for ever: after eight interactive sequences that
    were let before it, the first of it goes next, and counts as interactive from then on."""

    def __init__(self) -> None:
        self._interactive: deque[Sequence] = deque()
        self._batch: deque[Sequence] = deque()
        self._n_let_before = 0

    def __len__(self) -> int:
        return len(self._interactive) + len(self._batch)

    def __iter__(self) -> Iterator[Sequence]:
        return iter((*self._interactive, *self._batch))

    @property
    def first(self) -> Sequence | None:
        """Whose turn it is; it stays in the line until it is taken."""
        is_patient = not self._batch or self._n_let_before < _PATIENCE
        if self._interactive and is_patient:
            return self._interactive[0]
        return self._batch[0] if self._batch else None

    def add(self, sequence: Sequence) -> None:
        self._line_of(sequence).append(sequence)

    def add_first(self, sequence: Sequence) -> None:
        """Back to the front: it has begun already."""
        self._line_of(sequence).appendleft(sequence)

    def take(self, sequence: Sequence) -> None:
        """It is admitted."""
        self.remove(sequence)
        if not sequence.is_batch:
            self._n_let_before += bool(self._batch)
            return
        self._n_let_before = 0
        if self._interactive:
            sequence.priority = "interactive"

    def remove(self, sequence: Sequence) -> None:
        self._line_of(sequence).remove(sequence)

    def _line_of(self, sequence: Sequence) -> deque[Sequence]:
        return self._batch if sequence.is_batch else self._interactive
