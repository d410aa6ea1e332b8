"""Vectors of chunks, one vec0 table an embedder, so that vectors of two models are never compared.

Vectors have length 1, so the L2 distance d orders as the cosine does: cosine = 1 - d²/2. Distances
stay in here; outside there are cosines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import apsw
import numpy as np

from aion.errors import StoreError
from aion.store.connection import Store
from aion.types import Vectors as VectorArray

MAX_K = 50  # the latency of vec0 grows with k


class Vectors:
    """Nearest neighbours among one tenant's chunks. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def nearest(self, tenant: str, embedder: str, query: VectorArray, k: int) -> list[tuple[int, float]]:
        """The at most `k` nearest (chunk id, cosine), nearest first; 1 <= k <= MAX_K.

        `query` has shape (n_dims,) and length 1. An embedder never used finds nothing. Raises
        StoreError when the embedder's vectors in the file have another width.
        """
        if not 1 <= k <= MAX_K:
            raise ValueError(f"k={k} is not between 1 and {MAX_K}.")
        with self._store.read() as db:
            table = find_table(db, embedder, len(query))
            if table is None:
                return []
            rows = db.execute(
                f"SELECT rowid, distance FROM {table} WHERE embedding MATCH ? AND k = ? AND tenant = ?",  # noqa: S608
                (_blob(query), k, tenant),
            )
            return [(chunk_id, max(-1.0, 1.0 - distance**2 / 2)) for chunk_id, distance in rows]

    def fetch(self, tenant: str, embedder: str, chunk_ids: Sequence[int]) -> dict[int, VectorArray]:
        """The vectors of these chunks, each of shape (n_dims,); a chunk without one is left out."""
        with self._store.read() as db:
            table = find_table(db, embedder)
            if table is None:
                return {}
            rows = db.execute(
                f"SELECT rowid, embedding FROM {table} "  # noqa: S608
                "WHERE rowid IN (SELECT value FROM json_each(?)) AND tenant = ?",
                (json.dumps(list(chunk_ids)), tenant),
            )
            return {chunk_id: np.frombuffer(blob, dtype="<f4") for chunk_id, blob in rows}


def find_table(db: apsw.Connection, embedder: str, n_dims: int | None = None) -> str | None:
    """The vec0 table of an embedder, None before its first use. Raises StoreError when `n_dims` differs."""
    row = db.execute("SELECT id, n_dims FROM embedders WHERE name = ?", (embedder,)).fetchone()
    if row is None:
        return None
    if n_dims is not None and n_dims != row[1]:
        raise StoreError(
            f"Embedder {embedder!r} gives {n_dims} dimensions and the store has {row[1]} of it; "
            "give the other model another name.",
        )
    return f"vectors_{row[0]}"


def insert(
    db: apsw.Connection, tenant: str, embedder: str, chunk_ids: Sequence[int], vectors: VectorArray
) -> None:
    """Store vectors of shape (len(chunk_ids), n_dims) inside the caller's transaction."""
    table = find_table(db, embedder, vectors.shape[1]) or _create_table(db, embedder, vectors.shape[1])
    db.executemany(
        f"INSERT INTO {table} (rowid, tenant, embedding) VALUES (?, ?, ?)",  # noqa: S608
        ((chunk_id, tenant, _blob(vector)) for chunk_id, vector in zip(chunk_ids, vectors, strict=True)),
    )


def delete(db: apsw.Connection, chunk_ids: Iterable[int]) -> None:
    """Forget chunks in the tables of all embedders inside the caller's transaction."""
    rows = [(chunk_id,) for chunk_id in chunk_ids]
    for (embedder_id,) in db.execute("SELECT id FROM embedders").fetchall():
        db.executemany(f"DELETE FROM vectors_{embedder_id} WHERE rowid = ?", rows)  # noqa: S608


def _create_table(db: apsw.Connection, embedder: str, n_dims: int) -> str:
    db.execute(
        "INSERT INTO embedders (name, n_dims, added_at) VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))",
        (embedder, n_dims),
    )
    table = f"vectors_{db.last_insert_rowid()}"
    # A partition key costs each tenant a whole chunk of vectors, hence the small chunk_size.
    db.execute(
        f"CREATE VIRTUAL TABLE {table} USING vec0 "
        f"(tenant TEXT partition key, embedding float[{n_dims}], chunk_size = 128)"
    )
    return table


def _blob(vector: VectorArray) -> bytes:
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()
