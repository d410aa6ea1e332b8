"""Nearest neighbours among a tenant's vectors, in memory or in the file.

Vectors have length 1, so the L2 distance d orders as the cosine does: cosine = 1 - d²/2. Distances
stay in here; outside there are cosines.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw
import numpy as np

from aion.store import vector_tables
from aion.store.connection import Store
from aion.store.filters import chunks_query
from aion.store.mirrors import DEFAULT_MEMORY_BYTES, Mirrors, unmapped
from aion.store.vector_tables import Table, as_blob, find
from aion.types import Filters
from aion.types import Vectors as VectorArray

MAX_K = 50  # the latency of vec0 grows with k


class Vectors:
    """Nearest neighbours among one tenant's chunks. What it keeps in memory is a copy of what is in the
    file and follows it, whichever process writes. Safe for threads."""

    def __init__(self, store: Store, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        """`memory_bytes` is what copies of vectors may take; with 0 every search reads the file."""
        self._store = store
        self._mirrors = Mirrors(store, memory_bytes)

    def nearest(
        self, tenant: str, embedder: str, query: VectorArray, k: int, filters: Filters | None = None
    ) -> list[tuple[int, float]]:
        """The at most `k` nearest (chunk id, cosine), nearest first; 1 <= k <= MAX_K.

        `query` has shape (n_dims,) and length 1. They are exactly the nearest, ties apart. `filters` hold
        while searching, so that they cost no results. An embedder never used finds nothing. Raises
        StoreError when the embedder's vectors in the file have another width.
        """
        if not 1 <= k <= MAX_K:
            raise ValueError(f"k={k} is not between 1 and {MAX_K}.")
        with self._store.read() as db:
            table = find(db, embedder, len(query))
            if table is None:
                return []
            found = self._mirrors.nearest(db, table, tenant, query, k, filters)
            if found is not None:
                return found
            with unmapped(db):
                return _search(db, table, tenant, query, k, filters)

    def warm(self, tenant: str, embedder: str) -> None:
        """Copy the tenant's vectors into memory now; searches do it by themselves, but later."""
        with self._store.read() as db:
            table = find(db, embedder)
            if table is not None:
                self._mirrors.load(db, table, tenant)

    def fetch(self, tenant: str, embedder: str, chunk_ids: Sequence[int]) -> dict[int, VectorArray]:
        """The vectors of these chunks, each of shape (n_dims,); a chunk without one is left out."""
        with self._store.read() as db:
            table = find(db, embedder)
            if table is None:
                return {}
            copied = self._mirrors.fetch(db, table, tenant, chunk_ids)
            if copied is not None:
                return copied
            rows = vector_tables.fetch(db, table, tenant, chunk_ids)
            return {chunk_id: np.frombuffer(blob, dtype="<f4") for chunk_id, blob in rows}

    def dense_weight(self, embedder: str) -> float | None:
        """What the embedder's cosines count for in the fused score, None when that was never tuned."""
        with self._store.read() as db:
            row = db.execute("SELECT dense_weight FROM embedders WHERE name = ?", (embedder,)).fetchone()
        return row[0] if row else None


def _search(
    db: apsw.Connection, table: Table, tenant: str, query: VectorArray, k: int, filters: Filters | None
) -> list[tuple[int, float]]:
    """As `nearest`, by vec0."""
    within, parameters = chunks_query(tenant, filters) if filters else ("", ())
    rows = db.execute(
        f"SELECT rowid, distance FROM {table.name} WHERE embedding MATCH ? AND k = ? AND tenant = ?"  # noqa: S608
        + (f" AND rowid IN ({within})" if within else ""),
        (as_blob(query), k, tenant, *parameters),
    )
    return [(chunk_id, max(-1.0, 1.0 - distance**2 / 2)) for chunk_id, distance in rows]
