"""Whether the log of events holds together, and no id is given twice: counts of what should not be. Changes
nothing."""

from __future__ import annotations

import apsw

from aion.store.connection import Store

_BAD = {
    "events about an event that is gone": """
        SELECT count(*) FROM events AS mine WHERE subject IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM events AS other WHERE other.id = mine.subject)""",
    "events about an event of another tenant": """
        SELECT count(*) FROM events AS mine JOIN events AS other ON other.id = mine.subject
        WHERE other.tenant <> mine.tenant""",
    "passages without the retrieval that found them": """
        SELECT count(*) FROM retrievals WHERE NOT EXISTS (
            SELECT 1 FROM events WHERE events.id = event_id AND kind = 'retrieval'
            AND events.tenant = retrievals.tenant)""",
    "retrievals that lack some of their passages": """
        SELECT count(*) FROM events WHERE kind = 'retrieval'
        AND value > (SELECT count(*) FROM retrievals WHERE event_id = events.id)""",
    "gates for deleting events left open": "SELECT count(*) FROM deletion_gate",
}


class LogIntegrity:
    """Looks at all tenants at once. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def bad_rows(self) -> dict[str, int]:
        """Kinds of rows that should not be, with how many there are; only those of which there are any."""
        with self._store.read() as db:
            counts = {what: int(db.execute(sql).get) for what, sql in _BAD.items()}
        return {what: n for what, n in counts.items() if n}

    def ids_given_twice(self) -> dict[str, int]:
        """Tables whose next id is one that a row has, with how many rows are in the way."""
        with self._store.read() as db:
            return {table: n for table in _numbered(db) if (n := _n_beyond(db, table))}


def _numbered(db: apsw.Connection) -> list[str]:
    """The tables whose ids are never to be given twice."""
    rows = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'")
    return [name for (name,) in rows]


def _n_beyond(db: apsw.Connection, table: str) -> int:
    return int(
        db.execute(
            f"SELECT count(*) FROM {table} WHERE rowid > "  # noqa: S608
            "coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0)",
            (table,),
        ).get
    )
