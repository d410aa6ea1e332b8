"""The tables of vectors, one vec0 table an embedder, so that vectors of two models are never compared: which
table is whose, putting vectors in, and the log of what changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apsw
import numpy as np

from aion.errors import StoreError
from aion.types import Vectors as VectorArray

MAX_LOG = 4096  # entries of `vector_changes`, each of a run of chunks


@dataclass(frozen=True, slots=True)
class Table:
    """An embedder's vec0 table; `made_at` tells it from an earlier one of the same number."""

    id: int
    n_dims: int
    made_at: str

    @property
    def name(self) -> str:
        return f"vectors_{self.id}"


def find_table(db: apsw.Connection, embedder: str, n_dims: int | None = None) -> str | None:
    """The vec0 table of an embedder, None before its first use. Raises StoreError when `n_dims` differs."""
    table = find(db, embedder, n_dims)
    return None if table is None else table.name


def insert(
    db: apsw.Connection, tenant: str, embedder: str, chunk_ids: Sequence[int], vectors: VectorArray
) -> None:
    """Store vectors of shape (len(chunk_ids), n_dims) inside the caller's transaction."""
    table = find(db, embedder, vectors.shape[1]) or _create(db, embedder, vectors.shape[1])
    db.executemany(
        f"INSERT INTO {table.name} (rowid, tenant, embedding) VALUES (?, ?, ?)",  # noqa: S608
        ((chunk_id, tenant, as_blob(vector)) for chunk_id, vector in zip(chunk_ids, vectors, strict=True)),
    )
    _log(db, table.id, tenant, chunk_ids)


def delete(db: apsw.Connection, tenant: str, chunk_ids: Iterable[int]) -> None:
    """Forget a tenant's chunks in the tables of all embedders inside the caller's transaction."""
    ids = list(chunk_ids)
    embedders: list[Any] = db.execute("SELECT id FROM embedders").fetchall()
    for (embedder_id,) in embedders:
        db.executemany(f"DELETE FROM vectors_{embedder_id} WHERE rowid = ?", ((id_,) for id_ in ids))  # noqa: S608
        _log(db, embedder_id, tenant, ids)


def find(db: apsw.Connection, embedder: str, n_dims: int | None = None) -> Table | None:
    """As `find_table`, with all there is to know of it."""
    row: Any = db.execute("SELECT id, n_dims, added_at FROM embedders WHERE name = ?", (embedder,)).fetchone()
    if row is None:
        return None
    if n_dims is not None and n_dims != row[1]:
        raise StoreError(
            f"Embedder {embedder!r} gives {n_dims} dimensions and the store has {row[1]} of it; "
            "give the other model another name.",
        )
    return Table(*row)


def _create(db: apsw.Connection, embedder: str, n_dims: int) -> Table:
    row: Any = db.execute(
        "INSERT INTO embedders (name, n_dims, added_at) VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%fZ')) "
        "RETURNING id, n_dims, added_at",
        (embedder, n_dims),
    ).fetchone()
    table = Table(*row)
    # A partition key costs each tenant a whole chunk of vectors, hence the small chunk_size.
    db.execute(
        f"CREATE VIRTUAL TABLE {table.name} USING vec0 "
        f"(tenant TEXT partition key, embedding float[{n_dims}], chunk_size = 128)"
    )
    return table


def _log(db: apsw.Connection, embedder_id: int, tenant: str, chunk_ids: Sequence[int]) -> None:
    """Tell copies in memory what changed. Only the last changes are kept: who is further behind reads all."""
    db.executemany(
        "INSERT INTO vector_changes (embedder_id, tenant, first_chunk, last_chunk) VALUES (?, ?, ?, ?)",
        ((embedder_id, tenant, first, last) for first, last in _runs(chunk_ids)),
    )
    db.execute("DELETE FROM vector_changes WHERE id <= (SELECT max(id) FROM vector_changes) - ?", (MAX_LOG,))


def _runs(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Consecutive ids as (first, last)."""
    first = last = None
    for id_ in sorted(ids):
        if first is not None and last is not None and id_ != last + 1:
            yield first, last
            first = None
        first, last = id_ if first is None else first, id_
    if first is not None and last is not None:
        yield first, last


def fetch(
    db: apsw.Connection, table: Table, tenant: str, chunk_ids: Iterable[int]
) -> list[tuple[int, bytes]]:
    """(chunk id, vector as vec0 gives it) of those chunks of the tenant that have one.

    The join asks vec0 for one row at a time; `rowid IN (...)` would have it read all there are.
    """
    rows: list[Any] = db.execute(
        f"SELECT {table.name}.rowid, embedding FROM json_each(?) "  # noqa: S608
        f"CROSS JOIN {table.name} ON {table.name}.rowid = value WHERE tenant = ?",
        (json.dumps([int(chunk_id) for chunk_id in chunk_ids]), tenant),
    ).fetchall()
    return rows


def as_blob(vector: VectorArray) -> bytes:
    """A vector as vec0 takes it."""
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()
