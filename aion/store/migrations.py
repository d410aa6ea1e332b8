"""The schema as numbered steps, each applied in one transaction along with its record.

A released step is never edited: a change is a new function at the end of MIGRATIONS. The tables of
vectors are not made here, because their width is known only when an embedder is first used.
"""

from __future__ import annotations

from collections.abc import Callable

import apsw

from aion.store.budget_tables import add_budget_tables
from aion.store.calibration_tables import add_calibration_tables
from aion.store.copies.provenance import add_copy_tables
from aion.store.event_tables import add_event_tables
from aion.store.export_tables import add_export_tables
from aion.store.key_tables import add_key_tables
from aion.store.search_tables import add_search_tables
from aion.store.transaction import immediate

APPLICATION_ID = 0x41494F4E  # "AION" in the header of the file


def _first(db: apsw.Connection) -> None:
    """Documents and their chunks, the full-text index, the embedders, the log of events."""
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for statement in _DOCUMENTS + _EVENTS:
        db.execute(statement)


# AUTOINCREMENT: the id of a chunk that is gone is never given to another, so an old retrieval
# cannot come to point at a text it never saw. The full-text index holds stems made by
# aion.rag.stem; its tokenizer only has to cut at spaces.
_DOCUMENTS = (
    """
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        source TEXT NOT NULL,
        title TEXT NOT NULL,
        content_hash TEXT NOT NULL,
        n_bytes INTEGER NOT NULL,
        added_at TEXT NOT NULL,
        UNIQUE (tenant, source)
    ) STRICT
    """,
    """
    CREATE TABLE chunks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
        position INTEGER NOT NULL,
        title TEXT NOT NULL,
        text TEXT NOT NULL,
        line INTEGER NOT NULL,
        UNIQUE (document_id, position)
    ) STRICT
    """,
    """
    CREATE VIRTUAL TABLE chunks_fts USING fts5 (
        title, text, content = '', contentless_delete = 1, tokenize = 'ascii'
    )
    """,
    """
    CREATE TABLE embedders (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        n_dims INTEGER NOT NULL,
        added_at TEXT NOT NULL
    ) STRICT
    """,
)

_APPEND_ONLY = """
    CREATE TRIGGER {table}_refuse_{verb} BEFORE {verb} ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""
_EVENTS = (
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        value REAL NOT NULL,
        meta TEXT NOT NULL CHECK (json_valid(meta))
    ) STRICT
    """,
    "CREATE INDEX events_kind ON events (tenant, kind, id)",
    """
    CREATE TABLE retrievals (
        event_id INTEGER NOT NULL REFERENCES events,
        tenant TEXT NOT NULL,
        rank INTEGER NOT NULL,
        chunk_id INTEGER NOT NULL,
        document_id INTEGER NOT NULL,
        source TEXT NOT NULL,
        title TEXT NOT NULL,
        text TEXT NOT NULL,
        line INTEGER NOT NULL,
        score REAL NOT NULL,
        cosine REAL NOT NULL,
        bm25 REAL NOT NULL,
        PRIMARY KEY (event_id, rank)
    ) STRICT, WITHOUT ROWID
    """,
    *(
        _APPEND_ONLY.format(table=table, verb=verb)
        for table in ("events", "retrievals")
        for verb in ("update", "delete")
    ),
)

# `location` (a path, a URL) is the identity of a document that has one. A chunk whose words are those of
# another one is its twin: an empty text, `twin_of` the chunk that has text, stems and vector. A tag that the
# operator gave (`is_given`) outlives a change of the document, one the document bears itself does not.
_RETRIEVAL = (
    "ALTER TABLE documents ADD COLUMN location TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE documents ADD COLUMN language TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE documents ADD COLUMN date TEXT",
    "CREATE UNIQUE INDEX documents_location ON documents (tenant, location) WHERE location <> ''",
    "CREATE INDEX documents_hash ON documents (tenant, content_hash)",
    """
    CREATE TABLE document_tags (
        document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
        tenant TEXT NOT NULL,
        tag TEXT NOT NULL,
        is_given INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (tenant, tag, document_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX document_tags_document ON document_tags (document_id)",
    "ALTER TABLE chunks ADD COLUMN page INTEGER",
    "ALTER TABLE chunks ADD COLUMN text_hash BLOB",
    "ALTER TABLE chunks ADD COLUMN twin_of INTEGER REFERENCES chunks",
    "CREATE INDEX chunks_hash ON chunks (tenant, text_hash) WHERE twin_of IS NULL",
    "CREATE INDEX chunks_twins ON chunks (twin_of) WHERE twin_of IS NOT NULL",
    "ALTER TABLE retrievals ADD COLUMN page INTEGER",
    "ALTER TABLE retrievals ADD COLUMN rerank REAL",
    "ALTER TABLE embedders ADD COLUMN dense_weight REAL",
    """
    CREATE TABLE pages (
        tenant TEXT NOT NULL,
        url TEXT NOT NULL,
        document TEXT NOT NULL,
        text_hash TEXT,
        etag TEXT,
        last_modified TEXT,
        links TEXT NOT NULL CHECK (json_valid(links)),
        fetched_at TEXT NOT NULL,
        PRIMARY KEY (tenant, url)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX pages_text ON pages (tenant, text_hash) WHERE text_hash IS NOT NULL",
    """
    CREATE TABLE judgments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        at TEXT NOT NULL,
        question TEXT NOT NULL,
        source TEXT NOT NULL,
        text_hash BLOB,
        grade REAL NOT NULL,
        origin TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX judgments_question ON judgments (tenant, question)",
    """
    CREATE TABLE evaluations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        at TEXT NOT NULL,
        embedder TEXT NOT NULL,
        mode TEXT NOT NULL,
        n_questions INTEGER NOT NULL,
        figures TEXT NOT NULL CHECK (json_valid(figures))
    ) STRICT
    """,
)


def _retrieval(db: apsw.Connection) -> None:
    """What ingestion, filters, web pages and evaluation keep."""
    for statement in _RETRIEVAL:
        db.execute(statement)


MIGRATIONS: tuple[tuple[str, Callable[[apsw.Connection], None]], ...] = (
    ("first", _first),
    ("retrieval", _retrieval),
    ("search", add_search_tables),
    ("events", add_event_tables),
    ("budget", add_budget_tables),
    ("calibrations", add_calibration_tables),
    ("exports", add_export_tables),
    ("keys", add_key_tables),
    ("copies", add_copy_tables),
)


def schema_version(db: apsw.Connection) -> int:
    """The number of the last migration the file has; 0 for a new file."""
    # Asked by a statement, which sees what another process did; APSW's table_exists may not.
    if not db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'migrations'").get:
        return 0
    return int(db.execute("SELECT coalesce(max(version), 0) FROM migrations").get)


def migrate(db: apsw.Connection, before: Callable[[int], None] | None = None) -> None:
    """Apply what is missing, in order, all or nothing: a process that is killed leaves the file as it was.
    Safe when several processes open the file at once.

    `before` is called with the schema of a file that has one, while nobody may write and nothing is changed.
    """
    if schema_version(db) >= len(MIGRATIONS):
        return
    with immediate(db):
        found = schema_version(db)
        if before is not None and 0 < found < len(MIGRATIONS):
            before(found)
        for version, (name, step) in enumerate(MIGRATIONS[found:], found + 1):
            _apply(db, version, name, step)


def _apply(db: apsw.Connection, version: int, name: str, step: Callable[[apsw.Connection], None]) -> None:
    step(db)
    db.execute(
        """
        CREATE TABLE IF NOT EXISTS migrations (
            version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL
        ) STRICT
        """
    )
    db.execute(
        "INSERT INTO migrations VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))",
        (version, name),
    )
