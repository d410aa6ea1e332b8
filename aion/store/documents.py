"""Documents and their chunks. The only writer of chunks, so that text, full-text index and vectors
always tell the same story."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from aion.store import lexical as lexical_index
from aion.store import vectors as vector_tables
from aion.store.connection import Store
from aion.types import Chunk, LoadedDocument
from aion.types import Vectors as VectorArray


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
    """A stored chunk with the source of its document."""

    id: int
    document_id: int
    source: str
    position: int
    title: str
    text: str
    line: int


class Documents:
    """The documents of each tenant, one a source. Every change is one transaction: a reader sees a
    document as it was or as it is, never without it. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find_hash(self, tenant: str, source: str) -> str | None:
        """The content hash the document was stored with, None when it is not there."""
        with self._store.read() as db:
            row = db.execute(
                "SELECT content_hash FROM documents WHERE tenant = ? AND source = ?", (tenant, source)
            ).fetchone()
        return row[0] if row else None

    def needs_vectors(self, tenant: str, embedder: str) -> set[str]:
        """Sources of documents with a chunk that has no vector of this embedder."""
        with self._store.read() as db:
            table = vector_tables.find_table(db, embedder)
            missing = f"AND chunks.id NOT IN (SELECT rowid FROM {table})" if table else ""  # noqa: S608
            rows = db.execute(
                "SELECT DISTINCT source FROM documents JOIN chunks ON document_id = documents.id "  # noqa: S608
                f"WHERE documents.tenant = ? {missing}",
                (tenant,),
            )
            return {source for (source,) in rows}

    def replace(
        self,
        tenant: str,
        document: LoadedDocument,
        chunks: Sequence[Chunk],
        stems: Sequence[tuple[str, str]],
        *,
        embedder: str,
        vectors: VectorArray,
    ) -> int:
        """Store a document in place of what its source had before; returns its id, which stays the same.

        `stems` are (stemmed title, stemmed text) and `vectors` has shape
        (len(chunks), n_dims), one a chunk.
        """
        if not len(chunks) == len(stems) == len(vectors):
            raise ValueError(
                f"{len(chunks)} chunks, {len(stems)} stems, {len(vectors)} vectors: not one each."
            )
        with self._store.write() as db:
            document_id = _upsert(db, tenant, document)
            _delete_chunks(db, document_id)
            ids = _insert_chunks(db, tenant, document_id, chunks)
            lexical_index.insert(db, ((n, title, text) for n, (title, text) in zip(ids, stems, strict=True)))
            vector_tables.insert(db, tenant, embedder, ids, vectors)
        return document_id

    def delete(self, tenant: str, source: str) -> bool:
        """Forget a document and all that came of it; False when it was not there."""
        with self._store.write() as db:
            row = db.execute(
                "SELECT id FROM documents WHERE tenant = ? AND source = ?", (tenant, source)
            ).fetchone()
            if row is None:
                return False
            _delete_chunks(db, row[0])
            db.execute("DELETE FROM documents WHERE id = ? AND tenant = ?", (row[0], tenant))
        return True

    def count(self, tenant: str) -> int:
        """How many documents the tenant has."""
        with self._store.read() as db:
            return int(db.execute("SELECT count(*) FROM documents WHERE tenant = ?", (tenant,)).get)

    def count_chunks(self, tenant: str) -> int:
        """How many chunks the tenant's documents have."""
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
                SELECT chunks.id, document_id, source, position, chunks.title, text, line
                FROM chunks JOIN documents ON documents.id = document_id
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


def _upsert(db: apsw.Connection, tenant: str, document: LoadedDocument) -> int:
    row = db.execute(
        """
        INSERT INTO documents (tenant, source, title, content_hash, n_bytes, added_at)
        VALUES (?, ?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))
        ON CONFLICT (tenant, source) DO UPDATE SET title = excluded.title,
            content_hash = excluded.content_hash, n_bytes = excluded.n_bytes, added_at = excluded.added_at
        RETURNING id
        """,
        (tenant, document.source, document.title, document.content_hash, document.n_bytes),
    )
    return int(row.get)


def _insert_chunks(db: apsw.Connection, tenant: str, document_id: int, chunks: Sequence[Chunk]) -> list[int]:
    ids = []
    for position, chunk in enumerate(chunks):
        db.execute(
            "INSERT INTO chunks (tenant, document_id, position, title, text, line) VALUES (?, ?, ?, ?, ?, ?)",
            (tenant, document_id, position, chunk.title, chunk.text, chunk.line),
        )
        ids.append(db.last_insert_rowid())
    return ids


def _delete_chunks(db: apsw.Connection, document_id: int) -> None:
    rows = db.execute("SELECT id FROM chunks WHERE document_id = ?", (document_id,))
    ids = [chunk_id for (chunk_id,) in rows]
    lexical_index.delete(db, ids)
    vector_tables.delete(db, ids)
    db.execute("DELETE FROM chunks WHERE document_id = ?", (document_id,))
