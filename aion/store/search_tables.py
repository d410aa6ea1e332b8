"""Schema step: a full-text index a tenant, and a log of what changed among the vectors."""

from __future__ import annotations

from typing import Any

import apsw

from aion.store.lexical_tables import create_index

_TABLES = (
    # The index of a tenant is the table `lexical_{id}`.
    """
    CREATE TABLE lexical_indexes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL UNIQUE
    ) STRICT
    """,
    # Tells the copies of vectors in memory, of every process, which chunks to read again.
    """
    CREATE TABLE vector_changes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        embedder_id INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        first_chunk INTEGER NOT NULL,
        last_chunk INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX documents_language ON documents (tenant, language)",
)
# The index of all tenants had no text either, but its stems can be put together again.
_STEMS = (
    "CREATE VIRTUAL TABLE temp.old_stems USING fts5vocab(main, chunks_fts, instance)",
    """
    CREATE TABLE temp.old_texts AS
    SELECT doc,
           group_concat(term, ' ' ORDER BY offset) FILTER (WHERE col = 'title') AS title,
           group_concat(term, ' ' ORDER BY offset) FILTER (WHERE col = 'text') AS text
    FROM temp.old_stems GROUP BY doc
    """,
)


def add_search_tables(db: apsw.Connection) -> None:
    """Add the tables; each tenant gets the stems that the index of all tenants had of its chunks."""
    for statement in _TABLES + _STEMS:
        db.execute(statement)
    tenants: list[Any] = db.execute("SELECT DISTINCT tenant FROM chunks ORDER BY tenant").fetchall()
    for (tenant,) in tenants:
        db.execute(
            f"INSERT INTO {create_index(db, tenant)} (rowid, title, text) "  # noqa: S608
            "SELECT id, old.title, old.text FROM chunks JOIN temp.old_texts AS old ON old.doc = id "
            "WHERE tenant = ? ORDER BY id",
            (tenant,),
        )
    for table in ("temp.old_texts", "temp.old_stems", "main.chunks_fts"):
        db.execute(f"DROP TABLE {table}")
