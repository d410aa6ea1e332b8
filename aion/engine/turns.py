"""Whose step it is, where sequences under several effects run.

Adapters act on a whole batch, so a batch holds sequences of one effect. Owned by the engine thread.
"""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf

from aion.engine.adapter import NO_EFFECT
from aion.engine.sequence import Sequence

_TURN_STEPS = 4


class Turns:
    """The effects take turns of a few steps each, but of only one that computes prompts."""

    def __init__(self) -> None:
        self._effect = NO_EFFECT
        self._n_steps = 0

    def next(self, running: SequenceOf[Sequence]) -> list[Sequence]:
        """The members of the next batch, in the order they were admitted; `running` is not empty."""
        effects = list(dict.fromkeys(sequence.effect for sequence in running))
        at = effects.index(self._effect) if self._effect in effects else None
        if at is None or (self._n_steps >= _TURN_STEPS and len(effects) > 1):
            self._effect = effects[0 if at is None else (at + 1) % len(effects)]
            self._n_steps = 0
        members = [sequence for sequence in running if sequence.effect == self._effect]
        self._n_steps += 1 if all(sequence.is_decoding for sequence in members) else _TURN_STEPS
        return members
