"""How many threads compute: as many as are fastest now.

ggml's threads wait for each other at every node of the graph, so one core that another program uses, or a
model too small to share out, makes more threads slower, up to ten times. Whether it does is measured: now and
then a few steps run with a neighbouring number of threads, and the faster one stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

_LEAST_STEPS = 6
_TRIAL_S = 0.15
_FIRST_HOLD_S = 1.0
_LONGEST_HOLD_S = 30.0
_FASTER = 0.92
_WORSE = 1.5
_HOPELESS = 1.2


@dataclass(slots=True)
class _Window:
    """Steps measured under one number of threads: mean seconds a token."""

    n_steps: int = 0
    n_tokens: int = 0
    seconds: float = 0.0

    def add(self, n_tokens: int, seconds: float) -> None:
        self.n_steps += 1
        self.n_tokens += n_tokens
        self.seconds += seconds

    @property
    def is_full(self) -> bool:
        return self.n_steps >= _LEAST_STEPS and self.seconds >= _TRIAL_S

    @property
    def per_token(self) -> float:
        return self.seconds / self.n_tokens


class ThreadGovernor:
    """`n` is the number of threads for the next step; tell it by `observe` how long each step took.

    It holds on to a number, measures it a window at a time, and tries the next lower or higher one: at
    first soon, later at most every 30 s, at once when steps become much slower. Owned by one thread.
    """

    def __init__(self, n_most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._numbers = sorted({1, max(1, n_most // 2), max(1, n_most - 1), n_most})
        self._clock = clock
        self._held = len(self._numbers) - 1
        self._tried: int | None = None
        self._direction = -1
        self._hold_s = _FIRST_HOLD_S
        self._next_trial = clock() + _FIRST_HOLD_S
        self._window = _Window()
        self._known: float | None = None

    @property
    def n(self) -> int:
        return self._numbers[self._held if self._tried is None else self._tried]

    def observe(self, n_tokens: int, seconds: float) -> None:
        """A step of `n_tokens` took `seconds` with `n` threads."""
        if len(self._numbers) == 1:
            return
        self._window.add(n_tokens, seconds)
        if not (self._window.is_full or self._is_hopeless):
            return
        measured, self._window = self._window.per_token, _Window()
        if self._tried is None:
            self._after_hold(measured)
        else:
            self._after_trial(measured)

    @property
    def _is_hopeless(self) -> bool:
        """Whether a trial is so slow already that the rest of it would be a waste."""
        if self._tried is None or self._known is None or self._window.n_steps < 2:
            return False
        return self._window.per_token > _HOPELESS * self._known

    def _after_hold(self, measured: float) -> None:
        is_worse = self._known is not None and measured > _WORSE * self._known
        self._known = measured
        if is_worse:
            self._hold_s, self._direction = _FIRST_HOLD_S, -1
        if is_worse or self._clock() >= self._next_trial:
            self._tried = self._neighbour()

    def _after_trial(self, measured: float) -> None:
        assert self._tried is not None
        assert self._known is not None
        if measured < _FASTER * self._known:
            self._held, self._known, self._hold_s = self._tried, measured, _FIRST_HOLD_S
        else:
            self._direction = -self._direction
            self._hold_s = min(2 * self._hold_s, _LONGEST_HOLD_S)
        self._tried = None
        self._next_trial = self._clock() + self._hold_s

    def _neighbour(self) -> int:
        at = self._held + self._direction
        if not 0 <= at < len(self._numbers):
            self._direction = -self._direction
            at = self._held + self._direction
        return at
