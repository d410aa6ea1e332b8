"""A budget under a clock that a test turns, and what a tenant's calls came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from aion.store.budget import Budget
from aion.store.budget_state import Limits
from aion.store.connection import Store

AGE_S = 900.0
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
DAY_S = 86_400.0
WIDE = Limits(day_micros=10**9, month_micros=10**10, day_calls=10**6, month_calls=10**6)


@dataclass
class Clock:
    """Seconds since 1970, as the test sets them."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


def budget(store: Store, limits: Limits = WIDE, clock: Clock | None = None) -> Budget:
    """In UTC; at noon of 23 November 2026 if no clock is given."""
    return Budget(store, limits, release_after_s=AGE_S, clock=clock or Clock(), zone=UTC)


def day(micros: int, calls: int = 1000) -> Limits:
    """Limits of a day that a month does not narrow."""
    return Limits(micros, micros * 100, calls, calls * 100)


def committed(opened: Budget, tenant: str = "t") -> tuple[int, int]:
    """What is spent and reserved today in micros, and the calls made."""
    total = opened.state(tenant).day.total
    return total.spent_micros + total.reserved_micros, total.n_calls
