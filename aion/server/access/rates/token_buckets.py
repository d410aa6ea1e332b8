"""How often somebody may do something: a bucket of tokens for each, refilled all the time.

Knows neither requests nor who is meant by a name. Memory is bounded: buckets that were not used for longest
are forgotten first, and by then they are full again unless thousands of names are active at once.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

_MOST_NAMES = 20_000  # some 4 MB
_MOST_DEBT_S = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a minute, a quarter of a minute's worth at once, yet ten at least."""

    per_minute: int

    @property
    def burst(self) -> int:
        return max(10, self.per_minute // 4)

    @property
    def interval_s(self) -> float:
        """Until one more token is there."""
        return 60.0 / self.per_minute


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a bucket holds now. `is_given`: a token was taken, or is there. `wait_s` is until the next one, 0
    while there is one; `full_s` is until the bucket is full again."""

    is_given: bool
    n_left: int
    wait_s: float
    full_s: float


class TokenBuckets:
    """A bucket a name, kept as the moment at which it is full (the "virtual scheduling" form of the leaky
    bucket, ITU-T I.371 annex A). Belongs to one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, n_most: int = _MOST_NAMES) -> None:
        self._clock = clock
        self._n_most = n_most
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def look(self, name: str, rate: Rate) -> Allowance:
        """What `name` has, nothing taken."""
        return _allowance(self._left_s(name), rate)

    def take(self, name: str, rate: Rate) -> Allowance:
        """Take a token where there is one; what is left then."""
        left_s = self._left_s(name)
        if not (before := _allowance(left_s, rate)).is_given:
            return before
        self._keep(name, left_s + rate.interval_s)
        return replace(_allowance(left_s + rate.interval_s, rate), is_given=True)

    def fine(self, name: str, rate: Rate, n_tokens: int) -> None:
        """Take tokens that need not be there: a debt of a minute at most."""
        self._keep(name, min(self._left_s(name) + n_tokens * rate.interval_s, self._longest_s(rate)))

    def _longest_s(self, rate: Rate) -> float:
        return rate.burst * rate.interval_s + _MOST_DEBT_S

    def _left_s(self, name: str) -> float:
        """Seconds until the bucket is full."""
        return max(0.0, self._full_at.get(name, 0.0) - self._clock())

    def _keep(self, name: str, left_s: float) -> None:
        self._full_at[name] = self._clock() + left_s
        self._full_at.move_to_end(name)
        if len(self._full_at) > self._n_most:
            self._full_at.popitem(last=False)


def _allowance(left_s: float, rate: Rate) -> Allowance:
    n_left = rate.burst - left_s / rate.interval_s
    n_whole = math.floor(n_left + 1e-9)
    wait_s = 0.0 if n_whole >= 1 else (1 - n_left) * rate.interval_s
    return Allowance(n_whole >= 1, max(0, n_whole), wait_s, left_s)
