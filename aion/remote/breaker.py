"""A circuit breaker: a server that failed several times in a row is left alone for a while.

Knows neither HTTP nor what a failure is; it is told. Used from one event loop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aion.errors import EngineFailed

N_FAILURES = 5
COOL_DOWN_S = 30.0


class Call:
    """One call; of `succeeded` and `failed` the first said counts, neither where nothing was learnt."""

    def __init__(self) -> None:
        self.failure: str | None = None

    def succeeded(self) -> None:
        self.failure = "" if self.failure is None else self.failure

    def failed(self, sentence: str) -> None:
        self.failure = sentence if self.failure is None else self.failure


class Breaker:
    """Closed: all calls pass. Open, after `n_failures` calls in a row that failed: none does for
    `cool_down_s`. Then one may try: its success closes the breaker, its failure opens it again.

    A call that ends without a verdict (its client went away) changes nothing.
    """

    def __init__(
        self,
        title: str,
        n_failures: int = N_FAILURES,
        cool_down_s: float = COOL_DOWN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._n_failures = n_failures
        self._cool_down_s = cool_down_s
        self._clock = clock
        self._n_failed = 0
        self._last = ""
        self._opened_at = -math.inf
        self._is_tried = False

    @contextmanager
    def call(self) -> Iterator[Call]:
        """A call, from before it is made to its end. Raises EngineFailed while the breaker is open."""
        if refusal := self.refusal:
            raise EngineFailed(refusal)
        is_trial = self._n_failed >= self._n_failures
        self._is_tried = self._is_tried or is_trial
        call = Call()
        try:
            yield call
        finally:
            if is_trial:
                self._is_tried = False
            self._learn(call.failure)

    @property
    def refusal(self) -> str:
        """Why a call would not be made now; "" when it would."""
        if self._n_failed < self._n_failures:
            return ""
        failed = f"{self._title} failed {self._n_failed} times in a row (the last time: {self._last})"
        left_s = self._opened_at + self._cool_down_s - self._clock()
        if left_s > 0:
            return f"{failed} and is not asked again for {math.ceil(left_s)} s."
        return f"{failed} and is just being tried again; ask in a moment." if self._is_tried else ""

    def _learn(self, failure: str | None) -> None:
        if failure is None:
            return
        self._n_failed = self._n_failed + 1 if failure else 0
        self._last = failure.rstrip(".")
        if self._n_failed >= self._n_failures:
            self._opened_at = self._clock()
