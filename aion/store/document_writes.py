"""Writing a whole document: its row, its tags, its chunks. Inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import apsw

from aion.store import chunk_rows, document_rows, event_rows
from aion.store.chunk_rows import Piece
from aion.store.event_rows import DOCUMENT_ADDED, DOCUMENT_CHANGED, DOCUMENT_REMOVED, Entry, Line
from aion.types import Event, LoadedDocument

Outcome = Literal["added", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document ready to be stored. `tags` are the operator's, beside the document's own."""

    document: LoadedDocument
    pieces: tuple[Piece, ...]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a document: its id, whether it changed, how many of its chunks are twins."""

    id: int
    outcome: Outcome
    n_twins: int = 0


def store(db: apsw.Connection, tenant: str, prepared: Prepared, embedder: str | None) -> Stored:
    """Store a document in place of what was there of it, but leave alone what is there as it is."""
    row_id = document_rows.find(db, tenant, prepared.document)
    if row_id is not None and _is_stored(db, row_id, prepared.document, embedder):
        document_rows.add_tags(db, tenant, row_id, prepared.tags, is_given=True)
        return Stored(row_id, "unchanged")
    return _replace(db, tenant, prepared, embedder, row_id)


def _is_stored(db: apsw.Connection, row_id: int, document: LoadedDocument, embedder: str | None) -> bool:
    row = db.execute("SELECT content_hash, location FROM documents WHERE id = ?", (row_id,)).fetchone()
    if row != (document.content_hash, document.location):
        return False
    if embedder is None:
        return True
    rows = db.execute("SELECT coalesce(twin_of, id) FROM chunks WHERE document_id = ?", (row_id,))
    holders = {chunk_id for (chunk_id,) in rows}
    return len(chunk_rows.having_vectors(db, embedder, holders)) == len(holders)


def _replace(
    db: apsw.Connection, tenant: str, prepared: Prepared, embedder: str | None, row_id: int | None
) -> Stored:
    """Store a document in row `row_id`, a new one when it is None. Raises VectorsMissing, InvalidRequest."""
    document_id = document_rows.put(db, tenant, prepared.document, row_id)
    document_rows.put_tags(db, tenant, document_id, prepared.document.tags, prepared.tags)
    n_twins = chunk_rows.replace(db, tenant, document_id, prepared.pieces, embedder, is_new=row_id is None)
    _record(db, tenant, document_id, DOCUMENT_ADDED if row_id is None else DOCUMENT_CHANGED)
    return Stored(document_id, "added" if row_id is None else "changed", n_twins)


def delete(db: apsw.Connection, tenant: str, document_id: int) -> bool:
    """Forget a document with its chunks; False when there is none."""
    _record(db, tenant, document_id, DOCUMENT_REMOVED)
    chunk_rows.remove(db, tenant, document_id)
    db.execute("DELETE FROM documents WHERE id = ? AND tenant = ?", (document_id, tenant))
    return bool(db.changes())


def _record(db: apsw.Connection, tenant: str, document_id: int, kind: str) -> None:
    """Put on record, in the same transaction, what becomes of a document, if it is there."""
    row = db.execute(
        "SELECT source, title, location, (SELECT count(*) FROM chunks WHERE document_id = documents.id) "
        "FROM documents WHERE id = ? AND tenant = ?",
        (document_id, tenant),
    ).fetchone()
    if row is not None:
        source, title, location, n_chunks = row
        meta = {"document": document_id, "source": source, "title": title, "location": location}
        event_rows.write(db, Entry(tenant, (Line(Event(kind, n_chunks, meta)),)))
