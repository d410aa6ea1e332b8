"""Documents and their chunks. The only writer of chunks, so that text, full-text index and vectors
always tell the same story."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from aion.store import chunk_rows, document_rows, document_writes
from aion.store.connection import Store
from aion.store.copies import provenance
from aion.store.document_writes import Prepared, Stored
from aion.store.vector_tables import find_table

_AFTER_SLASH = "0"  # the character behind "/": what begins with "a/" is between "a/" and "a0"


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as it is listed; `added_at` is UTC, ISO 8601, of its last replacement."""

    id: int
    source: str
    title: str
    n_chunks: int
    n_bytes: int
    added_at: str


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A stored chunk with the source of its document. That of a twin has the text of the first one."""

    id: int
    document_id: int
    source: str
    position: int
    title: str
    text: str
    line: int
    page: int | None


@dataclass(frozen=True, slots=True)
class Known:
    """What says whether a document has to be read again, and where it was read from. `is_stale`: a chunk has
    no vector of the embedder that was asked about."""

    id: int
    source: str
    location: str
    content_hash: str
    is_stale: bool = False


class Documents:
    """The documents of each tenant, one a location or, for those without one, a source. Every change is
    one transaction: a reader sees a document as it was or as it is, never without it. Stateless; safe for
    threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find_hash(self, tenant: str, source: str) -> str | None:
        """The content hash the document was stored with, None when it is not there."""
        with self._store.read() as db:
            row = db.execute(
                "SELECT content_hash FROM documents WHERE tenant = ? AND source = ?", (tenant, source)
            ).fetchone()
        return row[0] if row else None

    def known(self, tenant: str, root: str, embedder: str | None = None) -> tuple[Known, ...]:
        """The documents at that location and under it, by source."""
        inside = "location <> '' AND location >= ?2 AND location < ?2 || ?3"  # one range of the index
        inside += " AND (location = ?2 OR location >= ?2 || '/')"
        with self._store.read() as db:
            return _known(db, inside, embedder, (tenant, root.rstrip("/"), _AFTER_SLASH))

    def known_by_source(self, tenant: str, source: str, embedder: str | None) -> Known | None:
        """The document of that source."""
        with self._store.read() as db:
            return next(iter(_known(db, "source = ?2", embedder, (tenant, source))), None)

    def find_copy(self, tenant: str, content_hash: str) -> tuple[str, tuple[bytes, ...]]:
        """The location of some document with this content, and the hashes of its chunks in order; ("", ())
        when there is none."""
        some = "SELECT id FROM documents WHERE tenant = ? AND content_hash = ? LIMIT 1"
        with self._store.read() as db:
            rows: list[Any] = db.execute(
                "SELECT location, text_hash FROM documents JOIN chunks ON document_id = documents.id "  # noqa: S608
                f"WHERE documents.id = ({some}) ORDER BY position",
                (tenant, content_hash),
            ).fetchall()
        return (rows[0][0] if rows else "", tuple(text_hash for _, text_hash in rows))

    def stored_hashes(self, tenant: str, hashes: Iterable[bytes], embedder: str) -> set[bytes]:
        """Those of the hashes of which there is a chunk with a vector of this embedder."""
        with self._store.read() as db:
            homes = chunk_rows.homes(db, tenant, hashes)
            there = chunk_rows.having_vectors(db, embedder, homes.values())
        return {text_hash for text_hash, chunk_id in homes.items() if chunk_id in there}

    def store(self, tenant: str, batch: Sequence[Prepared], embedder: str | None) -> list[Stored]:
        """Store documents, all or none, each in place of what was there of it; what is there as it is stays.

        Without an embedder no vectors are asked for. Raises VectorsMissing, when a chunk that was to be a
        twin is the first of its words by now, and InvalidRequest when a source is taken.
        """
        with self._store.write() as db:
            return [document_writes.store(db, tenant, prepared, embedder) for prepared in batch]

    def add_tags(self, tenant: str, document_ids: Sequence[int], tags: Sequence[str]) -> None:
        """Give documents tags of the operator's, which they keep when they change."""
        with self._store.write() as db:
            for document_id in document_ids:
                document_rows.add_tags(db, tenant, document_id, tags, is_given=True)

    def relocate(self, tenant: str, document_id: int, location: str) -> bool:
        """That this document is found at another place from now on; False when another one is there."""
        with self._store.write() as db:
            db.execute(
                "UPDATE OR IGNORE documents SET location = ? WHERE tenant = ? AND id = ?",
                (location, tenant, document_id),
            )
            return bool(db.changes())

    def delete(self, tenant: str, source: str) -> bool:
        """Forget a document and all that came of it; False when it was not there."""
        with self._store.write() as db:
            row = db.execute(
                "SELECT id FROM documents WHERE tenant = ? AND source = ?", (tenant, source)
            ).fetchone()
            return row is not None and document_writes.delete(db, tenant, row[0])

    def delete_all(self, tenant: str, document_ids: Sequence[int]) -> int:
        """Forget these documents at once; returns how many there were."""
        with self._store.write() as db:
            return sum(document_writes.delete(db, tenant, document_id) for document_id in document_ids)

    def generation(self) -> str:
        """Another text after a restore: what was stored may then be gone, and ids be of other documents."""
        with self._store.read() as db:
            return provenance.generation(db)

    def count(self, tenant: str) -> int:
        """How many documents the tenant has."""
        with self._store.read() as db:
            return int(db.execute("SELECT count(*) FROM documents WHERE tenant = ?", (tenant,)).get)

    def count_chunks(self, tenant: str) -> int:
        """How many chunks the tenant's documents have, twins among them."""
        with self._store.read() as db:
            count = db.execute(
                "SELECT count(*) FROM documents JOIN chunks ON document_id = documents.id "
                "WHERE documents.tenant = ?",
                (tenant,),
            )
            return int(count.get)

    def chunks_by_id(self, tenant: str, ids: Sequence[int]) -> dict[int, ChunkRow]:
        """The tenant's chunks among `ids`; those that are gone are left out."""
        with self._store.read() as db:
            rows = db.execute(
                """
                SELECT chunks.id, chunks.document_id, source, chunks.position, chunks.title,
                       coalesce(first.text, chunks.text), chunks.line, chunks.page
                FROM chunks JOIN documents ON documents.id = chunks.document_id
                LEFT JOIN chunks AS first ON first.id = chunks.twin_of
                WHERE chunks.id IN (SELECT value FROM json_each(?)) AND chunks.tenant = ?
                """,
                (json.dumps(list(ids)), tenant),
            )
            return {row[0]: ChunkRow(*row) for row in rows}

    def list(self, tenant: str) -> tuple[DocumentRow, ...]:
        """The tenant's documents, ordered by source."""
        with self._store.read() as db:
            rows = db.execute(
                """
                SELECT documents.id, source, documents.title, count(chunks.id), n_bytes, added_at
                FROM documents LEFT JOIN chunks ON document_id = documents.id
                WHERE documents.tenant = ? GROUP BY documents.id ORDER BY source
                """,
                (tenant,),
            )
            return tuple(DocumentRow(*row) for row in rows)


def _known(
    db: apsw.Connection, condition: str, embedder: str | None, values: tuple[str, ...]
) -> tuple[Known, ...]:
    lacks = _lacks_vector(find_table(db, embedder)) if embedder is not None else "FALSE"
    rows: Iterable[Any] = db.execute(
        "SELECT id, source, location, content_hash, "  # noqa: S608
        f"EXISTS (SELECT 1 FROM chunks WHERE document_id = documents.id AND {lacks}) "
        f"FROM documents WHERE tenant = ?1 AND {condition} ORDER BY source",
        values,
    )
    return tuple(
        Known(document_id, source, location, content_hash, bool(is_stale))
        for document_id, source, location, content_hash, is_stale in rows
    )


def _lacks_vector(table: str | None) -> str:
    """The condition that a chunk, or the one it is a twin of, has no vector in the table."""
    if table is None:
        return "TRUE"
    return f"NOT EXISTS (SELECT 1 FROM {table}_rowids AS r WHERE r.rowid = coalesce(twin_of, chunks.id))"  # noqa: S608
