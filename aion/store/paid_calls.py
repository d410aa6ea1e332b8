"""The rows of paid calls and all SQL over them, inside the transactions of aion.store.budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

import apsw

CallState = Literal["open", "settled", "released", "expired"]

_TOTALS = """
    WITH calls AS (
        SELECT day = :day AS is_today, state, reserved_micros, cost_micros,
            state = 'open' AND at > :cutoff AS is_open,
            state = 'expired' OR state = 'open' AND at <= :cutoff AS is_expired
        FROM paid_calls WHERE tenant = :tenant AND day >= :month
    )
    SELECT
        coalesce(sum(cost_micros) FILTER (WHERE is_today), 0),
        coalesce(sum(reserved_micros) FILTER (WHERE is_today AND is_open), 0),
        count(*) FILTER (WHERE is_today AND state <> 'released'),
        count(*) FILTER (WHERE is_today AND is_open),
        coalesce(sum(cost_micros), 0),
        coalesce(sum(reserved_micros) FILTER (WHERE is_open), 0),
        count(*) FILTER (WHERE state <> 'released'),
        count(*) FILTER (WHERE is_open),
        count(*) FILTER (WHERE is_expired),
        coalesce(sum(reserved_micros) FILTER (WHERE is_expired), 0)
    FROM calls
"""


@dataclass(frozen=True, slots=True)
class PaidCall:
    """A call as it is recorded; `at` (its reservation) and `ended_at` are UTC, ISO 8601; `day` is the date it
    counts for; `cost_micros` is set when it is settled."""

    id: int
    at: str
    day: str
    tag: str
    state: CallState
    reserved_micros: int
    cost_micros: int | None
    ended_at: str | None


@dataclass(frozen=True, slots=True)
class Total:
    """Of a day or a month; `n_calls` are all but the released."""

    spent_micros: int
    reserved_micros: int
    n_calls: int
    n_open: int


@dataclass(frozen=True, slots=True)
class Totals:
    """`n_expired` and `expired_micros` are the month's."""

    day: Total
    month: Total
    n_expired: int
    expired_micros: int


def insert(db: apsw.Connection, tenant: str, at: datetime, day: date, tag: str, micros: int) -> int:
    """A new open call; returns its id."""
    db.execute(
        "INSERT INTO paid_calls (tenant, day, at, tag, state, reserved_micros) "
        "VALUES (?, ?, ?, ?, 'open', ?)",
        (tenant, day.isoformat(), _iso(at), tag, micros),
    )
    return db.last_insert_rowid()


def settle(db: apsw.Connection, id_: int, micros: int, at: datetime) -> bool:
    """The cost of a call, but of one that has a cost already; False when there is no such call."""
    db.execute(
        "UPDATE paid_calls SET state = 'settled', cost_micros = ?, ended_at = ? "
        "WHERE id = ? AND state <> 'settled'",
        (micros, _iso(at), id_),
    )
    return _is_there(db, id_)


def release(db: apsw.Connection, id_: int, at: datetime) -> bool:
    """A call that cost nothing, but for a settled one; False when there is no such call."""
    db.execute(
        "UPDATE paid_calls SET state = 'released', ended_at = ? "
        "WHERE id = ? AND state IN ('open', 'expired')",
        (_iso(at), id_),
    )
    return _is_there(db, id_)


def expire(db: apsw.Connection, tenant: str, at: datetime, cutoff: datetime) -> int:
    """Open calls of `cutoff` or before are expired; returns how many."""
    db.execute(
        "UPDATE paid_calls SET state = 'expired', ended_at = ? "
        "WHERE tenant = ? AND state = 'open' AND at <= ?",
        (_iso(at), tenant, _iso(cutoff)),
    )
    return db.changes()


def last(db: apsw.Connection, tenant: str) -> tuple[datetime, date] | None:
    """Time and day of the tenant's newest call."""
    row = db.execute(
        "SELECT at, day FROM paid_calls WHERE tenant = ? ORDER BY day DESC, id DESC LIMIT 1", (tenant,)
    ).fetchone()
    return None if row is None else (datetime.fromisoformat(row[0]), date.fromisoformat(row[1]))


def totals(db: apsw.Connection, tenant: str, day: date, cutoff: datetime) -> Totals:
    """Of `day` and of its month so far; open calls of `cutoff` or before count as expired."""
    where = {
        "tenant": tenant,
        "day": day.isoformat(),
        "month": day.replace(day=1).isoformat(),
        "cutoff": _iso(cutoff),
    }
    row = db.execute(_TOTALS, where).fetchone()
    assert row is not None
    return Totals(Total(*row[:4]), Total(*row[4:8]), *row[8:])


def newest(db: apsw.Connection, tenant: str, limit: int, cutoff: datetime) -> tuple[PaidCall, ...]:
    """The newest `limit` calls, newest first; open ones of `cutoff` or before are told as expired."""
    rows = db.execute(
        """
        SELECT id, at, day, tag, iif(state = 'open' AND at <= :cutoff, 'expired', state),
            reserved_micros, cost_micros, ended_at
        FROM paid_calls WHERE tenant = :tenant ORDER BY day DESC, id DESC LIMIT :limit
        """,
        {"tenant": tenant, "cutoff": _iso(cutoff), "limit": limit},
    )
    return tuple(PaidCall(*row) for row in rows)


def redate(db: apsw.Connection, tenant: str, after: datetime, at: datetime, day: date) -> int:
    """Give calls later than `after` another time and day; returns how many."""
    db.execute(
        "UPDATE paid_calls SET at = ?, day = ? WHERE tenant = ? AND at > ?",
        (_iso(at), day.isoformat(), tenant, _iso(after)),
    )
    return db.changes()


def _is_there(db: apsw.Connection, id_: int) -> bool:
    return bool(db.execute("SELECT count(*) FROM paid_calls WHERE id = ?", (id_,)).get)


def _iso(moment: datetime) -> str:
    """Of one length, so that text is ordered as time is."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
