"""What the step "events" of the schema adds: what an event is about, why a passage was chosen, and the gate
through which alone events are deleted."""

from __future__ import annotations

import apsw

# A transaction that deletes puts a row into deletion_gate and takes it out again. The row refers to one that
# cannot exist, which SQLite looks at when the transaction commits: none ends with the gate open.
_GATE = (
    """
    CREATE TABLE deletion_gate (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        never INTEGER NOT NULL DEFAULT 0 CHECK (never = 0)
            REFERENCES deletion_gate (id) DEFERRABLE INITIALLY DEFERRED
    ) STRICT
    """,
    *(
        f"""
        CREATE TRIGGER {table}_refuse_delete BEFORE DELETE ON {table}
        WHEN NOT EXISTS (SELECT 1 FROM deletion_gate)
        BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
        """  # noqa: S608
        for table in ("events", "retrievals")
    ),
)

# late_entries: events that waited for the disk are written once, however often that is tried.
_COLUMNS = (
    "ALTER TABLE events ADD COLUMN conversation TEXT",
    "ALTER TABLE events ADD COLUMN subject INTEGER",
    "ALTER TABLE retrievals ADD COLUMN lexical_rank INTEGER",
    "ALTER TABLE retrievals ADD COLUMN dense_rank INTEGER",
    "ALTER TABLE retrievals ADD COLUMN wording REAL NOT NULL DEFAULT 0",
    "ALTER TABLE retrievals ADD COLUMN stems TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(stems))",
    "CREATE TABLE late_entries (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
)

# An answer of before was written right behind its retrieval, and that behind its fallback, if there was one.
_LINKS = tuple(
    f"""
    UPDATE events SET subject = id + {distance} WHERE kind = '{kind}' AND EXISTS (
        SELECT 1 FROM events AS answer
        WHERE answer.id = events.id + {distance} AND answer.kind = 'answer' AND answer.tenant = events.tenant)
    """  # noqa: S608
    for kind, distance in (("retrieval", 1), ("fallback", 2))
)

_INDEXES = (
    "CREATE INDEX events_tenant ON events (tenant)",  # in the order of the ids
    "CREATE INDEX events_at ON events (tenant, at)",
    "CREATE INDEX events_subject ON events (subject) WHERE subject IS NOT NULL",
    "CREATE INDEX events_conversation ON events (tenant, conversation, id) WHERE conversation IS NOT NULL",
)


def add_event_tables(db: apsw.Connection) -> None:
    """Add columns, indexes and the gate; link what an earlier AION wrote."""
    update_trigger = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'events_refuse_update'").get
    db.execute("DROP TRIGGER events_refuse_update")
    for table in ("events", "retrievals"):
        db.execute(f"DROP TRIGGER {table}_refuse_delete")
    for statement in _COLUMNS + _LINKS + _INDEXES + _GATE:
        db.execute(statement)
    db.execute(update_trigger)
