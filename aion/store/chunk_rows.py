"""The rows of a document's chunks and of their twins, inside the caller's transaction.

Invariant: of all chunks of a tenant with one hash, one has the text, the stems and the vectors; the
others are its twins, rows with an empty text that point at it. A chunk without a hash (of schema 1) has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import apsw
import numpy as np

from aion.store import lexical_tables, vector_tables
from aion.types import Chunk
from aion.types import Vectors as VectorArray


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk with what the indexes need: its (title, text) in stems, its vector of shape (n_dims,) or
    None where a chunk of the same `text_hash` is believed to be there already."""

    chunk: Chunk
    stems: tuple[str, str]
    text_hash: bytes | None = None
    vector: VectorArray | None = None


class VectorsMissing(Exception):
    """Chunks that were thought to be twins have to be stored with vectors of their own: `hashes`."""

    def __init__(self, hashes: set[bytes]) -> None:
        super().__init__(f"{len(hashes)} chunks need a vector")
        self.hashes = hashes


def replace(
    db: apsw.Connection,
    tenant: str,
    document_id: int,
    pieces: Sequence[Piece],
    embedder: str | None,
    *,
    is_new: bool = False,
) -> int:
    """Put `pieces` in place of the document's chunks; returns how many became twins.

    One that `is_new` has none yet. A chunk whose words stay keeps its row and all that hangs on it. With
    an embedder, every chunk that is no twin has its vector afterwards, or VectorsMissing is raised and
    nothing may be committed.
    """
    first = homes(db, tenant, (piece.text_hash for piece in pieces if piece.text_hash is not None))
    kept = {} if is_new else _release(db, tenant, document_id, first, pieces)
    plan = _Plan(tenant, document_id, first, kept, _last_id(db))
    for position, piece in enumerate(pieces):
        plan.place(position, piece)
    db.executemany(
        "UPDATE chunks SET position = ?, line = ?, page = ?, text_hash = ? WHERE id = ?", plan.moves
    )
    db.executemany(
        "INSERT INTO chunks (id, tenant, document_id, position, title, text, line, page, text_hash, twin_of) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        plan.rows,
    )
    lexical_tables.insert(db, tenant, plan.stems)
    if embedder is not None:
        _add_vectors(db, tenant, embedder, plan.holders)
    return plan.n_twins


def remove(db: apsw.Connection, tenant: str, document_id: int) -> None:
    """Take a document's chunks away; one that has twins in other documents moves there."""
    _release(db, tenant, document_id, {}, ())


class _Plan:
    """Where each piece of one document goes: to the row it had, to a twin's, or to a new one."""

    def __init__(
        self,
        tenant: str,
        document_id: int,
        homes: dict[bytes, int],
        kept: dict[tuple[str, str], int],
        last_id: int,
    ) -> None:
        self._tenant = tenant
        self._document_id = document_id
        self._homes = homes
        self._kept = kept
        self._next_id = last_id + 1
        self.moves: list[tuple[int, int, int | None, bytes | None, int]] = []
        self.rows: list[tuple[int | str | bytes | None, ...]] = []
        self.stems: list[tuple[int, str, str]] = []
        self.holders: dict[int, Piece] = {}
        self.n_twins = 0

    def place(self, position: int, piece: Piece) -> None:
        chunk, text_hash = piece.chunk, piece.text_hash
        old = self._kept.pop((chunk.title, chunk.text), None) if text_hash is not None else None
        if old is not None:
            self.moves.append((position, chunk.line, chunk.page, text_hash, old))
            self._hold(old, piece)
            return
        home = self._homes.get(text_hash) if text_hash is not None else None
        new, self._next_id = self._next_id, self._next_id + 1
        self._hold(new if home is None else home, piece)
        text = chunk.text if home is None else ""
        self.rows.append(
            (
                new,
                self._tenant,
                self._document_id,
                position,
                chunk.title,
                text,
                chunk.line,
                chunk.page,
                text_hash,
                home,
            )
        )
        if home is not None:
            self.n_twins += 1
            return
        self.stems.append((new, *piece.stems))
        if text_hash is not None:
            self._homes[text_hash] = new

    def _hold(self, row_id: int, piece: Piece) -> None:
        """That the chunk of this id has the text of `piece`, or of its twin."""
        if row_id not in self.holders or self.holders[row_id].vector is None:
            self.holders[row_id] = piece


def homes(db: apsw.Connection, tenant: str, hashes: Iterable[bytes]) -> dict[bytes, int]:
    """The chunks with text among all of the tenant's, by hash."""
    rows = db.execute(
        "SELECT text_hash, chunks.id FROM json_each(?) CROSS JOIN chunks "
        "WHERE tenant = ? AND text_hash = unhex(value) AND twin_of IS NULL",
        (json.dumps([text_hash.hex() for text_hash in hashes]), tenant),
    )
    return dict(rows)


def _release(
    db: apsw.Connection, tenant: str, document_id: int, first: dict[bytes, int], pieces: Sequence[Piece]
) -> dict[tuple[str, str], int]:
    """Take the document's chunks away but for those whose words stay, which are returned by (title, text) and
    out of the way of new positions. `first` is kept true."""
    mine = (document_id, tenant)
    db.execute("DELETE FROM chunks WHERE document_id = ? AND tenant = ? AND twin_of IS NOT NULL", mine)
    wanted = {(p.chunk.title, p.chunk.text): p.text_hash for p in pieces if p.text_hash is not None}
    kept: dict[tuple[str, str], int] = {}
    gone: list[tuple[int, bytes | None]] = []
    rows: list[Any] = db.execute(
        "SELECT id, title, text, text_hash FROM chunks WHERE document_id = ? AND tenant = ?", mine
    ).fetchall()
    for row_id, title, text, old_hash in rows:
        text_hash = wanted.get((title, text))
        if text_hash is not None and text_hash == old_hash and first.get(text_hash) == row_id:
            kept[title, text] = row_id
        else:
            gone.append((row_id, old_hash))
    if kept:
        db.execute("UPDATE chunks SET position = -1 - position WHERE document_id = ?", (document_id,))
    moved = _move_to_twins(db, [row_id for row_id, _ in gone])
    deleted = [(row_id, old_hash) for row_id, old_hash in gone if row_id not in moved]
    for row_id, old_hash in deleted:
        if old_hash is not None and first.get(old_hash) == row_id:
            del first[old_hash]
    _delete(db, tenant, [row_id for row_id, _ in deleted])
    return kept


def _move_to_twins(db: apsw.Connection, row_ids: Sequence[int]) -> set[int]:
    """Put each of these chunks in the place of its first twin; returns those that had one."""
    if not row_ids:
        return set()
    places: list[Any] = db.execute(
        "SELECT document_id, position, line, page, twin_of, min(id) FROM chunks "
        "WHERE twin_of IN (SELECT value FROM json_each(?)) GROUP BY twin_of",
        (json.dumps(row_ids),),
    ).fetchall()
    db.executemany("DELETE FROM chunks WHERE id = ?", [(twin,) for *_, twin in places])
    db.executemany(
        "UPDATE chunks SET document_id = ?, position = ?, line = ?, page = ? WHERE id = ?",
        [(*place, row_id) for *place, row_id, _ in places],
    )
    return {row_id for *_, row_id, _ in places}


def _delete(db: apsw.Connection, tenant: str, row_ids: Sequence[int]) -> None:
    if row_ids:
        lexical_tables.delete(db, tenant, row_ids)
        vector_tables.delete(db, tenant, row_ids)
        db.executemany("DELETE FROM chunks WHERE id = ?", [(row_id,) for row_id in row_ids])


def _add_vectors(db: apsw.Connection, tenant: str, embedder: str, holders: dict[int, Piece]) -> None:
    """Give each chunk of `holders` its vector where it has none of this embedder."""
    there = having_vectors(db, embedder, holders)
    lacking = {row_id: piece for row_id, piece in holders.items() if row_id not in there}
    missing = {piece.text_hash for piece in lacking.values() if piece.vector is None and piece.text_hash}
    if missing:
        raise VectorsMissing(missing)
    found = [piece.vector for piece in lacking.values() if piece.vector is not None]
    if found:
        vector_tables.insert(db, tenant, embedder, list(lacking), np.stack(found))


def having_vectors(db: apsw.Connection, embedder: str, row_ids: Iterable[int]) -> set[int]:
    """Those of the chunks that have a vector of this embedder."""
    table = vector_tables.find_table(db, embedder)
    if table is None:
        return set()
    rows = db.execute(
        f"SELECT rowid FROM {table}_rowids WHERE rowid IN (SELECT value FROM json_each(?))",  # noqa: S608
        (json.dumps(list(row_ids)),),
    )
    return {row_id for (row_id,) in rows}


def _last_id(db: apsw.Connection) -> int:
    """The highest id ever given to a chunk; the next ones are free as long as the transaction lasts."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'").fetchone()
    return row[0] if row else 0
