"""Schema step: the paid calls of each tenant, from their reservation on."""

from __future__ import annotations

import apsw

# `day` is the operator's date at the reservation and decides which day and month pay; `at` and `ended_at`
# are UTC, ISO 8601. Neither `day` nor `at` is ever before those of the tenant's former call. AUTOINCREMENT:
# a late settlement can never hit another call's row.
_TABLES = (
    """
    CREATE TABLE paid_calls (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        day TEXT NOT NULL,
        at TEXT NOT NULL,
        tag TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'released', 'expired')),
        reserved_micros INTEGER NOT NULL CHECK (reserved_micros >= 0),
        cost_micros INTEGER CHECK (cost_micros >= 0),
        ended_at TEXT,
        CHECK ((state = 'settled') = (cost_micros IS NOT NULL))
    ) STRICT
    """,
    "CREATE INDEX paid_calls_day ON paid_calls (tenant, day)",
    "CREATE INDEX paid_calls_open ON paid_calls (tenant, at) WHERE state = 'open'",
)


def add_budget_tables(db: apsw.Connection) -> None:
    """Add the table; no money was spent before it."""
    for statement in _TABLES:
        db.execute(statement)
