"""The budget of paid calls: the most a call may cost is reserved before it goes out, its cost settled after.

Knows no prices, no model and no network. What was reserved and spent is in the file, so every process that
shares it shares the budget. All methods wait for the disk: not for the event loop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day

import apsw

from aion.errors import NotFound, OverBudget, StoreError
from aion.store import paid_calls
from aion.store.budget_state import BudgetState, Limits, Period
from aion.store.connection import Store
from aion.store.paid_calls import PaidCall

# A call takes AION_FALLBACK_TIMEOUT_S, a minute, at most: one this old died with its process.
RELEASE_AFTER_S = 900.0
# No row holds more, so that sums stay far from SQLite's 64 bits whatever a paid side claims.
MAX_MICROS = 10**15

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Moment:
    """Now, never before the tenant's last call; `clock_day` is the date the clock shows."""

    at: datetime
    day: date
    clock_day: date


class Budget:
    """The tenants' budgets under one set of limits. Safe for threads, and for processes that share the file.

    Spent and reserved together never pass a limit, as long as no call costs more than it reserved and each
    is settled before `release_after_s`. After that an open reservation is `expired`: its money is free again,
    and it still counts as a call, so that calls which die cannot be more than the limit of calls either.

    Days and months are those of `zone` (None: this machine's). A clock that goes back renews nothing.
    """

    def __init__(
        self,
        store: Store,
        limits: Limits,
        *,
        release_after_s: float = RELEASE_AFTER_S,
        clock: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
    ) -> None:
        self._store = store
        self._limits = limits
        self._age = timedelta(seconds=release_after_s)
        self._clock = clock
        self._zone = zone
        self._lock = threading.Lock()
        self._unwritten: dict[int, int | None] = {}  # ends of calls, while the file cannot be written

    def reserve(self, tenant: str, micros: int, tag: str) -> int:
        """Set `micros`, the most the call may cost, aside for it; returns the reservation.

        Raises OverBudget, its `param` the setting in the way, or StoreError: nothing was reserved then, and
        the call must not go out.
        """
        if micros < 0:
            raise ValueError(f"a call cannot cost {micros} micros")
        unwritten = self._unwritten_now()
        with self._store.write() as db:
            self._write_ends(db, unwritten)
            now = self._moment(db, tenant)
            self._expire(db, tenant, now)
            refusal = self._state(db, tenant, now).refusal(micros)
            reservation = 0 if refusal else paid_calls.insert(db, tenant, now.at, now.day, tag, micros)
        self._written(unwritten)
        if refusal is not None:  # raised here, so that what was written above stays
            setting, sentence = refusal
            raise OverBudget(sentence, param=setting)
        return reservation

    def settle(self, reservation: int, micros: int) -> None:
        """Record what the call cost, also above what was reserved, and of one that expired or was released.

        Again changes nothing. When the file cannot be written now (a full disk), the cost is kept and written
        with the next call. Raises NotFound for what was never reserved.
        """
        if micros < 0:
            raise ValueError(f"a call cannot have cost {micros} micros")
        self._end(reservation, min(micros, MAX_MICROS))

    def release(self, reservation: int) -> None:
        """Nothing was spent: money and call are free again. A settled one stays settled; otherwise like
        `settle`."""
        self._end(reservation, None)

    def state(self, tenant: str) -> BudgetState:
        """How the tenant's budget stands now. Raises StoreError."""
        with self._store.read() as db:
            return self._state(db, tenant, self._moment(db, tenant))

    def calls(self, tenant: str, limit: int = 20) -> tuple[PaidCall, ...]:
        """The newest `limit` calls, newest first. Raises StoreError."""
        with self._store.read() as db:
            return paid_calls.newest(db, tenant, limit, self._moment(db, tenant).at - self._age)

    def mend_clock(self, tenant: str) -> int:
        """Date calls that were made while the clock was more than a day ahead of now as of today, where they
        count; returns how many. For the operator alone: without it nothing renews before those days."""
        now = self._clock_now()
        today = now.astimezone(self._zone).date()
        with self._store.write() as db:
            return paid_calls.redate(db, tenant, now + timedelta(days=1), now, today)

    def _end(self, reservation: int, micros: int | None) -> None:
        unwritten = self._unwritten_now()
        try:
            with self._store.write() as db:
                self._write_ends(db, unwritten)
                is_there = self._write_end(db, reservation, micros)
        except StoreError as error:
            with self._lock:
                if self._unwritten.get(reservation) is None:  # the first cost told stays
                    self._unwritten[reservation] = micros
            _logger.warning("The end of paid call %d is written later: %s", reservation, error.message)
            return
        self._written(unwritten)
        if not is_there:
            raise NotFound(f"There is no reservation {reservation} of a paid call.")

    def _write_end(self, db: apsw.Connection, reservation: int, micros: int | None) -> bool:
        at = self._clock_now()
        if micros is None:
            return paid_calls.release(db, reservation, at)
        return paid_calls.settle(db, reservation, micros, at)

    def _write_ends(self, db: apsw.Connection, ends: dict[int, int | None]) -> None:
        for reservation, micros in ends.items():
            self._write_end(db, reservation, micros)

    def _unwritten_now(self) -> dict[int, int | None]:
        with self._lock:
            return dict(self._unwritten)

    def _written(self, ends: dict[int, int | None]) -> None:
        with self._lock:
            for reservation, micros in ends.items():
                if self._unwritten.get(reservation, -1) == micros:
                    del self._unwritten[reservation]

    def _expire(self, db: apsw.Connection, tenant: str, now: _Moment) -> None:
        if n_expired := paid_calls.expire(db, tenant, now.at, now.at - self._age):
            _logger.warning("Paid calls of %s that never told what they cost: %d.", tenant, n_expired)

    def _state(self, db: apsw.Connection, tenant: str, now: _Moment) -> BudgetState:
        found = paid_calls.totals(db, tenant, now.day, now.at - self._age)
        first, limits = now.day.replace(day=1), self._limits
        next_month = (first + timedelta(days=31)).replace(day=1)
        return BudgetState(
            day=Period(
                "day", now.day, self._midnight(now.day + timedelta(days=1)),
                limits.day_micros, limits.day_calls, found.day,
            ),
            month=Period(
                "month", first, self._midnight(next_month),
                limits.month_micros, limits.month_calls, found.month,
            ),
            n_expired=found.n_expired,
            expired_micros=found.expired_micros,
            is_behind=now.clock_day < now.day,
        )  # fmt: skip

    def _moment(self, db: apsw.Connection, tenant: str) -> _Moment:
        now = self._clock_now()
        clock_day = now.astimezone(self._zone).date()
        last = paid_calls.last(db, tenant)
        if last is None:
            return _Moment(now, clock_day, clock_day)
        at = max(now, last[0])
        return _Moment(at, max(at.astimezone(self._zone).date(), last[1]), clock_day)

    def _clock_now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _midnight(self, day: date) -> datetime:
        """When that day begins; where there is no zone a naive time is of this machine's, summer time too."""
        return datetime.combine(day, time_of_day(), self._zone).astimezone(self._zone)
