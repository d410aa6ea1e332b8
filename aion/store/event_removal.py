"""The only deletions from the log: what has become too old, and what somebody wants forgotten.

Each is one transaction that opens the gate (event_tables.py), overwrites what it deletes with zeros and
writes an event that says how much went, and nothing of what it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import apsw

from aion.store.connection import Store
from aion.store.event_rows import ERASURE, RETENTION, Entry, Line, write
from aion.types import Event

MOST_TOGETHER = 5_000  # events of one transaction of retention; others write in between
_TELLING = (ERASURE, RETENTION)
_OLD = "at < ? AND kind NOT IN (?, ?)"
_AMONG = "(SELECT value FROM json_each(?))"


class EventRemoval:
    """Deletes events with what hangs on them. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def with_dependants(self, tenant: str, ids: Iterable[int]) -> set[int]:
        """These events and those that mean nothing without them: of a retrieval or a fallback its answer, of
        an answer its retrieval, its fallback and its feedback."""
        with self._store.read() as db:
            return _with_dependants(db, tenant, set(ids))

    def erase(
        self, tenant: str, ids: Iterable[int], judgments: Iterable[int], told: dict[str, object]
    ) -> dict[str, int]:
        """Delete events with their dependants, and judgments; `told` goes into the event of kind "erasure".
        Returns how many of each kind went."""
        with self._store.write() as db, _zeroing(db):
            counts = _remove(db, tenant, _with_dependants(db, tenant, set(ids)))
            db.execute(
                f"DELETE FROM judgments WHERE tenant = ? AND id IN {_AMONG}",  # noqa: S608
                (tenant, json.dumps(list(judgments))),
            )
            if n_judgments := db.changes():
                counts["judgment"] = n_judgments
            _record(db, tenant, ERASURE, counts, told)
        return counts

    def n_before(self, before: str) -> int:
        """How many events of all tenants are from before a time, but for those that tell of deletions."""
        with self._store.read() as db:
            return int(db.execute(f"SELECT count(*) FROM events WHERE {_OLD}", (before, *_TELLING)).get)  # noqa: S608

    def expire(self, before: str, told: dict[str, object]) -> int:
        """Delete events of all tenants from before a time, but for those that tell of deletions; returns how
        many went. `told` goes into the events of kind "retention"."""
        return sum(self._expire(tenant, before, told) for tenant in self._tenants())

    def _expire(self, tenant: str, before: str, told: dict[str, object]) -> int:
        n_removed = 0
        while True:
            with self._store.write() as db, _zeroing(db):
                rows = db.execute(
                    f"SELECT id FROM events WHERE tenant = ? AND {_OLD} LIMIT ?",  # noqa: S608
                    (tenant, before, *_TELLING, MOST_TOGETHER),
                )
                ids = {event_id for (event_id,) in rows}
                if not ids:
                    return n_removed
                counts = _remove(db, tenant, _with_dependants(db, tenant, ids))
                _record(db, tenant, RETENTION, counts, {**told, "before": before})
                n_removed += sum(counts.values())

    def _tenants(self) -> list[str]:
        with self._store.read() as db:
            return [tenant for (tenant,) in db.execute("SELECT DISTINCT tenant FROM events")]


@contextmanager
def _zeroing(db: apsw.Connection) -> Iterator[None]:
    """What is deleted meanwhile leaves zeros in the file instead of its words."""
    db.execute("PRAGMA secure_delete = ON").fetchall()
    try:
        yield
    finally:
        db.execute("PRAGMA secure_delete = OFF").fetchall()


def _with_dependants(db: apsw.Connection, tenant: str, ids: set[int]) -> set[int]:
    answers = db.execute(
        f"SELECT subject FROM events WHERE tenant = ? AND id IN {_AMONG} AND subject IS NOT NULL "  # noqa: S608
        "AND kind IN ('retrieval', 'fallback')",
        (tenant, json.dumps(list(ids))),
    )
    whole = ids | {answer for (answer,) in answers}
    about = db.execute(
        f"SELECT id FROM events WHERE tenant = ? AND subject IN {_AMONG}",  # noqa: S608
        (tenant, json.dumps(list(whole))),
    )
    return whole | {event_id for (event_id,) in about}


def _remove(db: apsw.Connection, tenant: str, ids: set[int]) -> dict[str, int]:
    """Through the gate; returns how many there were of each kind."""
    listed = json.dumps(list(ids))
    kinds = db.execute(
        f"SELECT kind, count(*) FROM events WHERE tenant = ? AND id IN {_AMONG} GROUP BY kind ORDER BY kind",  # noqa: S608
        (tenant, listed),
    )
    counts = {str(kind): int(str(n)) for kind, n in kinds}
    db.execute("INSERT INTO deletion_gate (id) VALUES (1)")
    for table, column in (("retrievals", "event_id"), ("events", "id")):
        db.execute(f"DELETE FROM {table} WHERE tenant = ? AND {column} IN {_AMONG}", (tenant, listed))  # noqa: S608
    db.execute("DELETE FROM deletion_gate")
    return counts


def _record(
    db: apsw.Connection, tenant: str, kind: str, counts: dict[str, int], told: dict[str, object]
) -> None:
    event = Event(kind, sum(counts.values()), {**told, "n": counts})
    write(db, Entry(tenant, (Line(event),)))
