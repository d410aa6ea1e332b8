"""The index as derived data: which chunks have no vector yet; both indexes built anew beside those in
use, and the moment they take their place. Of all tenants at once, for the file is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from aion.store import lexical_tables, vector_tables
from aion.store.connection import Store
from aion.types import Vectors as VectorArray

BUILDING = " (being rebuilt)"  # after the name of an embedder or tenant whose new table is not whole yet
# Two b-trees of ids, the index over twin_of and the row ids of vec0: milliseconds at 100k chunks.
_LACKING = """
    SELECT chunks.id, chunks.tenant, documents.language, chunks.title, chunks.text
    FROM chunks JOIN documents ON documents.id = document_id
    WHERE chunks.id > ?1 AND twin_of IS NULL AND (?3 IS NULL OR chunks.tenant = ?3) {there}
    ORDER BY chunks.id LIMIT ?2
"""


@dataclass(frozen=True, slots=True)
class EmbedderRow:
    """An embedder the file has vectors of; `dense_weight` None was never tuned."""

    name: str
    n_dims: int
    n_vectors: int
    dense_weight: float | None


@dataclass(frozen=True, slots=True)
class IndexText:
    """A chunk that has text of its own, as the indexes are made from it."""

    id: int
    tenant: str
    language: str
    title: str
    text: str


class Index:
    """What the indexes hold and lack. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def count_texts(self) -> int:
        """How many chunks have text of their own, and so belong into the indexes."""
        with self._store.read() as db:
            return _count_texts(db)

    def tenants(self) -> tuple[str, ...]:
        """All that have documents."""
        with self._store.read() as db:
            return tuple(
                tenant for (tenant,) in db.execute("SELECT DISTINCT tenant FROM documents ORDER BY 1")
            )

    def embedders(self) -> tuple[EmbedderRow, ...]:
        """The embedders with vectors in the file, the one with most vectors first, then the newest."""
        with self._store.read() as db:
            rows: list[Any] = db.execute(
                "SELECT id, name, n_dims, dense_weight FROM embedders ORDER BY id DESC"
            ).fetchall()
            found = [
                EmbedderRow(name, n_dims, _count(db, f"vectors_{id_}_rowids"), weight)
                for id_, name, n_dims, weight in rows
                if not name.endswith(BUILDING)
            ]
        return tuple(sorted(found, key=lambda row: -row.n_vectors))

    def count_vectors(self, embedder: str) -> int:
        """How many chunks have a vector of this embedder."""
        with self._store.read() as db:
            table = vector_tables.find_table(db, embedder)
            return _count(db, f"{table}_rowids") if table else 0

    def without_vector(self, embedder: str, limit: int, after: int = 0) -> list[IndexText]:
        """At most `limit` chunks with ids over `after` that lack a vector of this embedder, by id."""
        with self._store.read() as db:
            table = vector_tables.find_table(db, embedder)
            return _lacking(db, f"{table}_rowids" if table else None, "rowid", after, limit)

    def add_vectors(self, embedder: str, texts: Sequence[IndexText], vectors: VectorArray) -> None:
        """Store the vectors, shape (len(texts), n_dims), of the chunks that are still there and lack one."""
        with self._store.write() as db:
            table = vector_tables.find_table(db, embedder)
            rows = f"{table}_rowids" if table else None
            wanted = {text.id for text in texts if _is_lacking(db, rows, "rowid", text.id)}
            for tenant in sorted({text.tenant for text in texts}):
                at = [n for n, text in enumerate(texts) if text.id in wanted and text.tenant == tenant]
                if at:
                    ids = [texts[n].id for n in at]
                    vector_tables.insert(db, tenant, embedder, ids, vectors[at])

    def set_dense_weight(self, embedder: str, weight: float) -> bool:
        """Keep the weight with the embedder; False when the file has no vectors of it."""
        with self._store.write() as db:
            db.execute("UPDATE embedders SET dense_weight = ? WHERE name = ?", (weight, embedder))
            return db.changes() > 0

    def drop_embedder(self, name: str) -> None:
        """Forget all vectors of an embedder."""
        with self._store.write() as db:
            _drop(db, name)

    def new_vectors(self, embedder: str) -> str:
        """The name under which the embedder's vectors are made anew, beside those in use."""
        return embedder + BUILDING

    def take_new_vectors(self, embedder: str) -> bool:
        """Put the new vectors in the place of the old; False, and nothing is done, while any is missing."""
        with self._store.write() as db:
            new = vector_tables.find_table(db, embedder + BUILDING)
            if new is None or _lacking(db, f"{new}_rowids", "rowid", 0, 1):
                return new is None and _count_texts(db) == 0
            weight = db.execute("SELECT dense_weight FROM embedders WHERE name = ?", (embedder,)).fetchone()
            _drop(db, embedder)
            db.execute(
                "UPDATE embedders SET name = ?, dense_weight = ? WHERE name = ?",
                (embedder, weight[0] if weight else None, embedder + BUILDING),
            )
        return True

    def count_new_stems(self, tenant: str) -> int:
        """How many chunks the tenant's new full-text index has, beside the one in use."""
        with self._store.read() as db:
            rows = _new_rows(db, tenant)
            return _count(db, rows) if rows else 0

    def without_new_stems(self, tenant: str, limit: int, after: int = 0) -> list[IndexText]:
        """At most `limit` chunks with ids over `after` that the new full-text index lacks, by id."""
        with self._store.read() as db:
            return _lacking(db, _new_rows(db, tenant), "id", after, limit, tenant)

    def add_new_stems(
        self, tenant: str, texts: Sequence[IndexText], stems: Sequence[tuple[str, str]]
    ) -> None:
        """Index the (stemmed title, stemmed text) of those chunks that are still there, in the new index."""
        with self._store.write() as db:
            rows = _new_rows(db, tenant)
            pairs = zip(texts, stems, strict=True)
            wanted = [(text.id, *pair) for text, pair in pairs if _is_lacking(db, rows, "id", text.id)]
            lexical_tables.insert(db, tenant + BUILDING, wanted)

    def take_new_texts(self, tenant: str) -> bool:
        """Put the new full-text index in the old one's place; False, and nothing done, while it lacks any."""
        with self._store.write() as db:
            rows = _new_rows(db, tenant)
            if _lacking(db, rows, "id", 0, 1, tenant):
                return False
            lexical_tables.drop_index(db, tenant)
            if rows is not None:
                table = rows.removesuffix("_docsize")
                db.execute(
                    f"DELETE FROM {table} WHERE rowid IN "  # noqa: S608
                    f"(SELECT id FROM {rows} EXCEPT SELECT id FROM chunks WHERE twin_of IS NULL)"
                )
                db.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608
                db.execute(
                    "UPDATE lexical_indexes SET tenant = ? WHERE tenant = ?", (tenant, tenant + BUILDING)
                )
        return True

    def is_rebuild_begun(self) -> bool:
        """Whether a new index stands beside one in use: a rebuild runs, or was ended before it was done."""
        begun = (
            "SELECT EXISTS (SELECT 1 FROM embedders WHERE name LIKE '%' || ?1) "
            "OR EXISTS (SELECT 1 FROM lexical_indexes WHERE tenant LIKE '%' || ?1)"
        )
        with self._store.read() as db:
            return bool(db.execute(begun, (BUILDING,)).get)

    def n_bytes(self) -> int:
        """The size of the file."""
        return self._store.path.stat().st_size

    def vacuum(self) -> None:
        """Give the space of what was deleted back to the disk. Raises StoreError when that is too full."""
        self._store.vacuum()


def _lacking(
    db: apsw.Connection, rows: str | None, id_: str, after: int, limit: int, tenant: str | None = None
) -> list[IndexText]:
    """The chunks, of all tenants or one, whose id is no `id_` of the table `rows`."""
    there = "" if rows is None else f"AND NOT EXISTS (SELECT 1 FROM {rows} WHERE {rows}.{id_} = chunks.id)"  # noqa: S608
    found = db.execute(_LACKING.format(there=there), (after, limit, tenant))
    return [IndexText(*row) for row in found]


def _new_rows(db: apsw.Connection, tenant: str) -> str | None:
    """The table with the ids that a tenant's new full-text index has, None before it is begun."""
    table = lexical_tables.find_table(db, tenant + BUILDING)
    return f"{table}_docsize" if table else None


def _is_lacking(db: apsw.Connection, rows: str | None, id_: str, chunk_id: int) -> bool:
    is_there = db.execute("SELECT 1 FROM chunks WHERE id = ? AND twin_of IS NULL", (chunk_id,)).fetchone()
    if not is_there or rows is None:
        return bool(is_there)
    return db.execute(f"SELECT 1 FROM {rows} WHERE {id_} = ?", (chunk_id,)).fetchone() is None  # noqa: S608


def _count_texts(db: apsw.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM chunks WHERE twin_of IS NULL").get)


def _count(db: apsw.Connection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").get)  # noqa: S608


def _drop(db: apsw.Connection, embedder: str) -> None:
    table = vector_tables.find_table(db, embedder)
    if table is not None:
        db.execute(f"DROP TABLE {table}")
        db.execute("DELETE FROM embedders WHERE name = ?", (embedder,))
