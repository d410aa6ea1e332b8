"""How a budget stands: limits, what a day and a month have spent, and whether one more call fits. Pure data;
knows neither SQL nor clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from aion.store.money import as_amount
from aion.store.paid_calls import Total


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tenant may spend, in micros and in calls; 0 allows nothing."""

    day_micros: int
    month_micros: int
    day_calls: int
    month_calls: int


@dataclass(frozen=True, slots=True)
class Period:
    """A day or a month from `start` on; `renews_at` is the midnight, in the operator's zone, that ends it."""

    name: Literal["day", "month"]
    start: date
    renews_at: datetime
    limit_micros: int
    limit_calls: int
    total: Total

    @property
    def left_micros(self) -> int:
        return max(0, self.limit_micros - self.total.spent_micros - self.total.reserved_micros)

    @property
    def left_calls(self) -> int:
        return max(0, self.limit_calls - self.total.n_calls)

    @property
    def setting(self) -> str:
        """The setting of the money; that of the calls has `_CALLS` after it."""
        return f"AION_BUDGET_{self.name.upper()}"

    def refusal(self, micros: int) -> tuple[str, str] | None:
        """Why a call of at most `micros` does not fit: the setting and a sentence; None when it does."""
        if not self.left_calls:
            return f"{self.setting}_CALLS", self._calls_refused(micros)
        # Compared so, not with what is left, which is never negative: a free call fits no overdrawn budget.
        if micros + self.total.spent_micros + self.total.reserved_micros > self.limit_micros:
            return self.setting, self._money_refused(micros)
        return None

    def _calls_refused(self, micros: int) -> str:
        setting = f"The call may cost {as_amount(micros)} and {self.setting}_CALLS={self.limit_calls}"
        if not self.limit_calls:
            return f"{setting} allows no call; raise it."
        return (
            f"{setting} has no call left ({self.total.n_calls} made, {self.total.n_open} of them under way); "
            f"{self._way_out()}."
        )

    def _money_refused(self, micros: int) -> str:
        setting = f"The call may cost {as_amount(micros)} and {self.setting}={as_amount(self.limit_micros)}"
        if micros > self.limit_micros:
            return f"{setting} never has so much; raise it or allow shorter answers."
        return (
            f"{setting} has {as_amount(self.left_micros)} left ({as_amount(self.total.spent_micros)} spent, "
            f"{as_amount(self.total.reserved_micros)} reserved by calls under way); {self._way_out()}."
        )

    def _way_out(self) -> str:
        return f"wait until it renews, {self.renews_at:%Y-%m-%d %H:%M %z}, or raise it"


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A tenant's budget at one moment. `n_expired` calls of this month ended without telling their cost, of
    at most `expired_micros` in all: they may have been paid, and no money is counted for them. `is_behind`:
    the clock shows a day before that of the last paid call, and nothing renews until it has caught up."""

    day: Period
    month: Period
    n_expired: int
    expired_micros: int
    is_behind: bool

    def refusal(self, micros: int) -> tuple[str, str] | None:
        """Why one more call does not fit; of two limits in its way the one that renews later."""
        return self.month.refusal(micros) or self.day.refusal(micros)
