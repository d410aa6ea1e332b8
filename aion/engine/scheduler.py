"""Decides which tokens of which sequences go into the next batch. Touches no llama call.

Owned by the engine thread. Invariants: every running sequence has its own slot; the reserved KV
cells of the running ones never exceed `n_cells`; a waiting sequence has neither slot nor cells.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from aion.engine.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Work:
    """Tokens `start:end` of a sequence to be computed; logits are wanted for the last when `samples`."""

    sequence: Sequence
    start: int
    end: int
    samples: bool


class Scheduler:
    """Admission in order of arrival; each batch takes decode tokens first and prefills with the rest."""

    def __init__(self, n_slots: int, n_cells: int, n_batch: int) -> None:
        self._n_cells = n_cells
        self._n_batch = n_batch
        self._n_slots = n_slots
        self._free_slots = list(range(n_slots - 1, -1, -1))
        self._reserved = 0
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []

    @property
    def has_work(self) -> bool:
        return bool(self.waiting or self.running)

    def add(self, sequence: Sequence) -> None:
        self.waiting.append(sequence)

    def admit(self) -> list[Sequence]:
        """Give slots to waiting sequences while slots and cells last; return those admitted."""
        admitted = []
        while self.waiting and self._free_slots:
            if self._reserved + self.waiting[0].n_reserved > self._n_cells:
                break
            sequence = self.waiting.popleft()
            sequence.slot = self._free_slots.pop()
            self._reserved += sequence.n_reserved
            self.running.append(sequence)
            admitted.append(sequence)
        return admitted

    def remove(self, sequence: Sequence) -> int | None:
        """Take a sequence out; return the slot it held, which is free from now on, or None."""
        if sequence.slot is None:
            self.waiting.remove(sequence)
            return None
        slot, sequence.slot = sequence.slot, None
        self.running.remove(sequence)
        self._free_slots.append(slot)
        self._reserved -= sequence.n_reserved
        return slot

    def plan(self) -> list[Work]:
        """The next batch: one token of each decoding sequence, then chunks of prompts, oldest first."""
        room = self._n_batch
        work = []
        for sequence in self.running:
            if sequence.is_decoding and room:
                work.append(Work(sequence, sequence.n_past, len(sequence.tokens), True))
                room -= 1
        for sequence in self.running:
            if room and not sequence.is_decoding:
                end = min(sequence.n_past + room, len(sequence.tokens))
                work.append(Work(sequence, sequence.n_past, end, end == len(sequence.tokens)))
                room -= end - sequence.n_past
        return work

    @property
    def is_idle_and_whole(self) -> bool:
        """Whether nothing runs and nothing is lost: the check of conservation for tests and shutdown."""
        return not self.has_work and self._reserved == 0 and len(self._free_slots) == self._n_slots
