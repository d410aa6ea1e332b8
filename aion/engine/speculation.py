"""Decides how many guessed tokens are worth computing with the next one.

A batch of n tokens takes about a + b n seconds, learnt from the steps themselves. A guess of k tokens of
which each is right with probability p gives p + p^2 + ... + p^k tokens more for b k seconds more: the k with
the most tokens a second is taken, and 0 where guessing does not pay. Owned by the engine thread.
"""

from __future__ import annotations

from aion.engine.lookup import Acceptance
from aion.engine.sequence import Sequence

_LENGTHS = (0, 1, 2, 4, 8, 16)
_FORGET = 0.97
_TRY_AGAIN_TOKENS = 32


class StepCost:
    """Least squares of step time over batch size, old steps slowly forgotten."""

    def __init__(self) -> None:
        self._n = self._x = self._xx = self._y = self._xy = 0.0

    def observe(self, n_tokens: int, seconds: float) -> None:
        self._n, self._x, self._y = (_FORGET * v for v in (self._n, self._x, self._y))
        self._xx, self._xy = _FORGET * self._xx, _FORGET * self._xy
        self._n += 1.0
        self._x += n_tokens
        self._xx += n_tokens * n_tokens
        self._y += seconds
        self._xy += n_tokens * seconds

    def seconds(self, n_tokens: int) -> float:
        """Expected time of a batch of `n_tokens`; where only one size was seen, half of it is taken to be
        fixed."""
        if not self._n:
            return 1.0 + n_tokens
        mean_x, mean_y = self._x / self._n, self._y / self._n
        spread = self._xx / self._n - mean_x * mean_x
        if spread > 0.01 * mean_x * mean_x:
            slope = (self._xy / self._n - mean_x * mean_y) / spread
        else:
            slope = 0.5 * mean_y / mean_x
        slope = min(max(slope, 0.01 * mean_y / mean_x), mean_y / mean_x)
        return mean_y + slope * (n_tokens - mean_x)


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
        best, best_rate, gained = 0, 0.0, 0.0
        for k in range(_LENGTHS[-1] + 1):
            gained += acceptance.rate**k if k else 0.0
            if k in _LENGTHS:
                rate = (n_batched + gained) / self.cost.seconds(n_batched + k)
                if rate > best_rate:
                    best, best_rate = k, rate
        if best == 0:
            acceptance.n_since_try += 1
            return 1 if acceptance.n_since_try >= _TRY_AGAIN_TOKENS else 0
        return best
