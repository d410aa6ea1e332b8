"""Whether the tables of the file tell one story: counts of rows that should not be, and what the indexes hold
to compare with. Changes nothing; does not know how stems or vectors are made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import apsw
import numpy as np

from aion.store import lexical_tables, vector_tables
from aion.store.connection import Store
from aion.store.copies import page_copy
from aion.store.index import BUILDING, IndexText
from aion.types import Vectors as VectorArray

_BATCH = 1024  # vectors read together
_TERMS = "temp.lexical_terms"

_GONE = 'SELECT "table", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2'
# Each gives the document of every chunk that it finds.
_BAD_CHUNKS = {
    "chunks of another tenant than their document": """
        SELECT document_id FROM chunks JOIN documents ON documents.id = document_id
        WHERE chunks.tenant <> documents.tenant""",
    "twins that point at no chunk with their words": """
        SELECT document_id FROM chunks AS twin WHERE twin_of IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM chunks AS first WHERE first.id = twin.twin_of AND first.tenant = twin.tenant
            AND first.twin_of IS NULL AND first.text_hash IS twin.text_hash)""",
    "twins with a text of their own": """
        SELECT document_id FROM chunks WHERE twin_of IS NOT NULL AND text <> ''""",
}


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows an index has for no chunk with text (`n_orphans`), and chunks with text it has no row for."""

    n_orphans: int
    n_missing: int


class Integrity:
    """Looks at all tenants at once. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What this thread reads in the block, of whatever class, is the file as it was at the beginning."""
        with self._store.read() as db:
            db.execute("BEGIN")
            try:
                yield
            finally:
                db.execute("ROLLBACK")

    def damage(self) -> list[str]:
        """What SQLite finds wrong with the file itself, [] when nothing."""
        with self._store.read() as db:
            return page_copy.damage(db)

    def tenants(self) -> tuple[str, ...]:
        """All that have chunks or a full-text index in use."""
        with self._store.read() as db:
            rows = db.execute("SELECT tenant FROM lexical_indexes UNION SELECT tenant FROM chunks ORDER BY 1")
            return tuple(tenant for (tenant,) in rows if not tenant.endswith(BUILDING))

    def is_text_index_whole(self, tenant: str) -> bool:
        """Whether FTS5 finds its own structures right."""
        with self._store.read() as db:
            table = lexical_tables.find_table(db, tenant)
            return table is None or db.execute(f"PRAGMA integrity_check({table})").get == "ok"

    def rows_without_parent(self) -> list[tuple[str, str, int]]:
        """(a table, the one it refers to, how many of its rows refer to one that is gone)."""
        with self._store.read() as db:
            rows: list[Any] = db.execute(_GONE).fetchall()
        return rows

    def bad_chunks(self) -> dict[str, list[int]]:
        """Kinds of chunks that should not be, with the documents of all of them; only those there are."""
        with self._store.read() as db:
            found = {what: [id_ for (id_,) in db.execute(sql)] for what, sql in _BAD_CHUNKS.items()}
        return {what: ids for what, ids in found.items() if ids}

    def text_rows(self, tenant: str) -> RowCounts:
        """A tenant's full-text index against its chunks."""
        with self._store.read() as db:
            table = lexical_tables.find_table(db, tenant)
            return _compare(db, f"{table}_docsize" if table else None, "id", tenant)

    def vector_rows(self, embedder: str) -> RowCounts:
        """The vectors of an embedder against the chunks."""
        with self._store.read() as db:
            table = vector_tables.find_table(db, embedder)
            return _compare(db, f"{table}_rowids" if table else None, "rowid", None)

    def sample(self, tenant: str, n: int) -> list[IndexText]:
        """At most `n` of the tenant's chunks with text, spread evenly over all."""
        with self._store.read() as db:
            total = db.execute(
                "SELECT count(*) FROM chunks WHERE twin_of IS NULL AND tenant = ?", (tenant,)
            ).get
            rows = db.execute(
                """
                SELECT chunks.id, chunks.tenant, language, chunks.title, text
                FROM chunks JOIN documents ON documents.id = document_id WHERE chunks.id IN (
                    SELECT id FROM (
                        SELECT id, row_number() OVER (ORDER BY id) AS place FROM chunks
                        WHERE twin_of IS NULL AND tenant = ?1)
                    WHERE place % ?2 = 0 LIMIT ?3)
                ORDER BY chunks.id
                """,
                (tenant, max(1, int(total) // max(1, n)), n),
            )
            return [IndexText(*row) for row in rows]

    def stems(self, tenant: str, chunk_ids: Sequence[int]) -> dict[int, tuple[list[str], list[str]]]:
        """What the full-text index holds of these chunks: the stems of title and text, in order.

        The index keeps no text: all its terms are walked through, once for all chunks.
        """
        found: dict[int, tuple[dict[int, str], dict[int, str]]] = {id_: ({}, {}) for id_ in chunk_ids}
        with self._store.read() as db:
            table = lexical_tables.find_table(db, tenant)
            if table is not None:
                _open_terms(db, table)
                rows: Iterable[Any] = db.execute(
                    f"SELECT doc, col, offset, term FROM {_TERMS} "  # noqa: S608
                    "WHERE doc IN (SELECT value FROM json_each(?))",
                    (json.dumps(list(chunk_ids)),),
                )
                for chunk_id, column, offset, term in rows:
                    found[chunk_id][column == "text"][offset] = term
        return {
            id_: ([title[n] for n in sorted(title)], [text[n] for n in sorted(text)])
            for id_, (title, text) in found.items()
        }

    def vectors(self, embedder: str) -> Iterator[tuple[list[int], list[str], VectorArray]]:
        """All vectors of an embedder, in batches: chunk ids, their tenants, an array (n, n_dims)."""
        with self._store.read() as db:
            table = vector_tables.find_table(db, embedder)
            ids = [] if table is None else [id_ for (id_,) in db.execute(f"SELECT rowid FROM {table}_rowids")]  # noqa: S608
        for start in range(0, len(ids), _BATCH):
            with self._store.read() as db:
                rows: list[Any] = db.execute(
                    f"SELECT {table}.rowid, tenant, embedding FROM json_each(?) "  # noqa: S608
                    f"CROSS JOIN {table} ON {table}.rowid = value",
                    (json.dumps(ids[start : start + _BATCH]),),
                ).fetchall()
            if rows:
                array = np.stack([np.frombuffer(blob, "<f4") for *_, blob in rows])
                yield [row[0] for row in rows], [row[1] for row in rows], array


def _compare(db: apsw.Connection, rows: str | None, id_: str, tenant: str | None) -> RowCounts:
    """The table `rows`, whose `id_` are ids of chunks, against the chunks of one tenant or of all."""
    mine = "twin_of IS NULL AND (?1 IS NULL OR tenant = ?1)"
    if rows is None:
        return RowCounts(0, int(db.execute(f"SELECT count(*) FROM chunks WHERE {mine}", (tenant,)).get))  # noqa: S608
    n_orphans = db.execute(
        f"SELECT count(*) FROM {rows} WHERE NOT EXISTS "  # noqa: S608
        f"(SELECT 1 FROM chunks WHERE chunks.id = {rows}.{id_} AND {mine})",
        (tenant,),
    ).get
    n_missing = db.execute(
        f"SELECT count(*) FROM chunks WHERE {mine} AND NOT EXISTS "  # noqa: S608
        f"(SELECT 1 FROM {rows} WHERE {rows}.{id_} = chunks.id)",
        (tenant,),
    ).get
    return RowCounts(int(n_orphans), int(n_missing))


def _open_terms(db: apsw.Connection, table: str) -> None:
    """A view of the terms in this connection only, which otherwise may not write."""
    db.execute("PRAGMA query_only = OFF")
    try:
        db.execute(f"DROP TABLE IF EXISTS {_TERMS}")
        db.execute(f"CREATE VIRTUAL TABLE {_TERMS} USING fts5vocab(main, {table}, instance)")
    finally:
        db.execute("PRAGMA query_only = ON")
