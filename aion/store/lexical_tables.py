"""The full-text indexes, a table a tenant: which table is whose, and putting stems in.

What is rare is so among a tenant's own chunks. An index for all would rank by words of tenants that the
asking one may not see, and a small tenant would wait for the lists of a large one.
"""

from __future__ import annotations

from collections.abc import Iterable

import apsw


def find_table(db: apsw.Connection, tenant: str) -> str | None:
    """The table of a tenant's index, None before its first chunk."""
    row = db.execute("SELECT id FROM lexical_indexes WHERE tenant = ?", (tenant,)).fetchone()
    return f"lexical_{row[0]}" if row else None


def create_index(db: apsw.Connection, tenant: str) -> str:
    """Make a tenant's empty index inside the caller's transaction; returns its table's name.

    The tokenizer only has to cut at spaces. `detail` stays full: without positions BM25 is 0 in a
    table that has no text.
    """
    db.execute("INSERT INTO lexical_indexes (tenant) VALUES (?)", (tenant,))
    table = f"lexical_{db.last_insert_rowid()}"
    db.execute(
        f"CREATE VIRTUAL TABLE {table} USING fts5 "
        "(title, text, content = '', contentless_delete = 1, tokenize = 'ascii')"
    )
    return table


def insert(db: apsw.Connection, tenant: str, rows: Iterable[tuple[int, str, str]]) -> None:
    """Index (chunk id, stemmed title, stemmed text) rows inside the caller's transaction."""
    table = find_table(db, tenant) or create_index(db, tenant)
    db.executemany(f"INSERT INTO {table} (rowid, title, text) VALUES (?, ?, ?)", rows)  # noqa: S608


def delete(db: apsw.Connection, tenant: str, chunk_ids: Iterable[int]) -> None:
    """Forget chunks inside the caller's transaction."""
    table = find_table(db, tenant)
    if table is not None:
        db.executemany(f"DELETE FROM {table} WHERE rowid = ?", ((chunk_id,) for chunk_id in chunk_ids))  # noqa: S608


def drop_index(db: apsw.Connection, tenant: str) -> None:
    """Forget all of a tenant's stems inside the caller's transaction, to be indexed anew."""
    table = find_table(db, tenant)
    if table is not None:
        db.execute(f"DROP TABLE {table}")
        db.execute("DELETE FROM lexical_indexes WHERE tenant = ?", (tenant,))
