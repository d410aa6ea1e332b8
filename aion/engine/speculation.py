"""Decides how many guessed tokens are worth computing with the next one.

A batch of n tokens takes about a + b n seconds, learnt from the steps themselves. A guess of k tokens of
which each is right with probability p gives p + p^2 + ... + p^k tokens more for b k seconds more: the k with
the most tokens a second is taken, and 0 where guessing does not pay. Owned by the engine thread.
"""

from __future__ import annotations

from aion.engine.context import LONGEST_GUESS
from aion.engine.lookup import Acceptance
from aion.engine.sequence import Sequence
from aion.engine.step_cost import StepCost

_LENGTHS = (0, 1, 2, 4, 8, LONGEST_GUESS)
_TRY_AGAIN_TOKENS = 32


class Speculator:
    """Drafts for the sequences of one engine."""

    def __init__(self) -> None:
        self.cost = StepCost()

    def draft(self, sequence: Sequence, n_batched: int) -> list[int]:
        """Guessed tokens to compute after the last one of a decoding `sequence`, in a batch that has
        `n_batched` tokens without them; no more than it may still generate."""
        room = sequence.sampling.max_new_tokens - sequence.n_completion - 1
        n_most = min(room, self._best_length(sequence.acceptance, n_batched))
        if n_most < 1:
            return []
        return sequence.lookup.propose(sequence.tokens, n_most)

    def _best_length(self, acceptance: Acceptance, n_batched: int) -> int:
        fixed_s, per_token_s = self.cost.line()
        best, best_rate = 0, 0.0
        for k in _LENGTHS:
            rate = (n_batched + _n_right(acceptance.rate, k)) / (fixed_s + per_token_s * (n_batched + k))
            if rate > best_rate:
                best, best_rate = k, rate
        if best == 0:
            acceptance.n_since_try += 1
            return 1 if acceptance.n_since_try >= _TRY_AGAIN_TOKENS else 0
        return best


def _n_right(p: float, k: int) -> float:
    """p + p^2 + ... + p^k."""
    return k if p >= 1.0 else p * (1.0 - p**k) / (1.0 - p)
