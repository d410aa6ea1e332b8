"""Vectors of one tenant copied into memory: as they are, or a byte a dimension. Knows arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aion.types import Vectors as VectorArray

Ids = NDArray[np.int64]

_SCALE_BYTES = 4  # a float32 behind the bytes of a vector
_CACHED_ROWS = 128
_ROUNDING = 1e-5  # of float32 sums
_MAX_CANDIDATES = 4096  # reached only where thousands of vectors are nearly equal
_BLOCK_ROWS = 4096  # memory grows by so many rows, and nothing is ever copied to a larger place


class Mirror(Protocol):
    """The vectors of one tenant, by chunk id."""

    @property
    def n_bytes(self) -> int: ...

    def put(self, ids: Ids, vectors: VectorArray) -> None:
        """Add vectors of shape (len(ids), n_dims); none of `ids` may be there."""
        ...

    def drop(self, ids: Ids) -> None:
        """Forget those that are there."""
        ...


class ExactMirror:
    """All vectors as they are: four bytes a dimension. `nearest` is brute force."""

    def __init__(self, n_dims: int) -> None:
        self._rows = _Rows(n_dims, np.float32)

    @property
    def n_bytes(self) -> int:
        return self._rows.n_bytes

    def put(self, ids: Ids, vectors: VectorArray) -> None:
        self._rows.put(ids, vectors)

    def drop(self, ids: Ids) -> None:
        self._rows.drop(ids)

    def nearest(self, query: VectorArray, k: int, allowed: Ids | None) -> list[tuple[int, float]]:
        """The at most `k` nearest (id, cosine), nearest first, ties by id; of `allowed` only, if any."""
        cosines = np.empty(self._rows.n, dtype=np.float32)
        for start, block in self._rows.blocks():
            # A row after the other in this thread. A product of matrices would wait for threads of BLAS at
            # every block, which on a busy machine takes ten times as long.
            np.vecdot(block, query, out=cosines[start : start + len(block)])
        ids, cosines = _within(self._rows.ids, cosines, allowed)
        return best(ids, cosines, k)

    def fetch(self, ids: Sequence[int]) -> dict[int, VectorArray]:
        """The vectors of those that are there, each of shape (n_dims,)."""
        return self._rows.find(ids)


class ByteMirror:
    """A byte a dimension: each vector by the largest of its numbers. Finds candidates among which the nearest
    are for certain, because it is known how far a rounded vector is from its own."""

    def __init__(self, n_dims: int) -> None:
        self._n_dims = n_dims
        self._rows = _Rows(n_dims + _SCALE_BYTES, np.int8)
        self._error = 0.0

    @property
    def n_bytes(self) -> int:
        return self._rows.n_bytes

    def put(self, ids: Ids, vectors: VectorArray) -> None:
        scales = np.maximum(np.abs(vectors).max(axis=1, keepdims=True, initial=0), 1e-30) / np.float32(127)
        rows = np.empty((len(vectors), self._rows.width), dtype=np.int8)
        rows[:, : self._n_dims] = np.rint(vectors / scales)
        rows[:, self._n_dims :] = scales.astype(np.float32).view(np.int8)
        off = np.linalg.norm(vectors - rows[:, : self._n_dims] * scales, axis=1)
        self._error = max(self._error, float(off.max(initial=0)))
        self._rows.put(ids, rows)

    def drop(self, ids: Ids) -> None:
        self._rows.drop(ids)

    def candidates(self, query: VectorArray, k: int, allowed: Ids | None) -> Ids:
        """Ids among which the `k` nearest are, at most _MAX_CANDIDATES; of `allowed` only, if any.

        A cosine is off by the distance of the rounded vector, `_error`, at most, for the query has length
        1. So what is nearest is at most twice that below the k-th of the rounded cosines.
        """
        cosines = np.empty(self._rows.n, dtype=np.float32)
        for start, block in self._rows.blocks():
            self._score(block, query, cosines[start : start + len(block)])
        ids, cosines = _within(self._rows.ids, cosines, allowed)
        if len(ids) <= k:
            return ids
        least = np.partition(cosines, len(cosines) - k)[len(cosines) - k] - 2 * self._error - _ROUNDING
        kept = np.flatnonzero(cosines >= least)
        if len(kept) > _MAX_CANDIDATES:
            kept = np.argpartition(-cosines, _MAX_CANDIDATES)[:_MAX_CANDIDATES]
        return ids[kept]

    def _score(self, block: NDArray[np.int8], query: VectorArray, out: VectorArray) -> None:
        """The cosines of the rounded vectors, so many at a time that their floats stay in the cache."""
        floats = np.empty((_CACHED_ROWS, self._n_dims), dtype=np.float32)
        for start in range(0, len(block), _CACHED_ROWS):
            part = block[start : start + _CACHED_ROWS, : self._n_dims]
            np.copyto(floats[: len(part)], part)
            np.vecdot(floats[: len(part)], query, out=out[start : start + len(part)])
        out *= np.ascontiguousarray(block[:, self._n_dims :]).view(np.float32)[:, 0]


def best(ids: Ids, cosines: VectorArray, k: int) -> list[tuple[int, float]]:
    """The at most `k` (id, cosine) with the highest cosines, highest first, ties by id."""
    if len(ids) > k:
        # All that equal the k-th stay in, so that ties are told by their ids and not by chance.
        least = np.partition(cosines, len(cosines) - k)[len(cosines) - k]
        kept = np.flatnonzero(cosines >= least)
        ids, cosines = ids[kept], cosines[kept]
    order = np.lexsort((ids, -cosines))[:k]
    return [(int(ids[at]), float(np.clip(cosines[at], -1, 1))) for at in order]


def _within(ids: Ids, scores: NDArray[Any], allowed: Ids | None) -> tuple[Ids, NDArray[Any]]:
    if allowed is None:
        return ids, scores
    kept = np.isin(ids, allowed)
    return ids[kept], scores[kept]


class _Rows:
    """Rows of one width with an id each, in blocks. A row that goes is replaced by the last one."""

    def __init__(self, width: int, dtype: type[np.generic]) -> None:
        self.width = width
        self.n = 0
        self._dtype = dtype
        self._ids = np.empty(0, dtype=np.int64)
        self._blocks: list[NDArray[Any]] = []
        self._order: NDArray[np.intp] | None = None  # of the ids, made when it is first asked for

    @property
    def ids(self) -> Ids:
        return self._ids[: self.n]

    @property
    def n_bytes(self) -> int:
        return self._ids.nbytes + sum(block.nbytes for block in self._blocks)

    def blocks(self) -> list[tuple[int, NDArray[Any]]]:
        """The rows of each block, with the number of the first."""
        starts = range(0, self.n, _BLOCK_ROWS)
        return [(start, self._blocks[start // _BLOCK_ROWS][: self.n - start]) for start in starts]

    def find(self, ids: Sequence[int]) -> dict[int, NDArray[Any]]:
        """Copies of the rows of those ids that are there."""
        if not self.n:
            return {}
        if self._order is None:
            self._order = np.argsort(self.ids, kind="stable")
        wanted = as_ids(ids)
        places = np.searchsorted(self.ids, wanted, sorter=self._order).clip(max=self.n - 1)
        rows = self._order[places]
        is_there = self.ids[rows] == wanted
        return {
            id_: self._row(row).copy()
            for id_, row, there in zip(ids, rows.tolist(), is_there, strict=True)
            if there
        }

    def put(self, ids: Ids, rows: NDArray[Any]) -> None:
        self._order = None
        self._grow(self.n + len(ids))
        self._ids[self.n : self.n + len(ids)] = ids
        done = 0
        while done < len(rows):
            block, at = divmod(self.n + done, _BLOCK_ROWS)
            part = rows[done : done + _BLOCK_ROWS - at]
            self._blocks[block][at : at + len(part)] = part
            done += len(part)
        self.n += len(ids)

    def drop(self, ids: Ids) -> None:
        self._order = None
        for at in np.flatnonzero(np.isin(self.ids, ids))[::-1].tolist():
            self.n -= 1
            self._ids[at] = self._ids[self.n]
            self._row(at)[:] = self._row(self.n)

    def _row(self, at: int) -> NDArray[Any]:
        row: NDArray[Any] = self._blocks[at // _BLOCK_ROWS][at % _BLOCK_ROWS]
        return row

    def _grow(self, n: int) -> None:
        while len(self._blocks) * _BLOCK_ROWS < n:
            self._blocks.append(np.empty((_BLOCK_ROWS, self.width), dtype=self._dtype))
        if len(self._ids) < n:
            self._ids = np.concatenate([self._ids, np.empty(n - len(self._ids) + _BLOCK_ROWS, np.int64)])


def as_ids(ids: Sequence[int]) -> Ids:
    """Chunk ids as an array."""
    return np.array(ids, dtype=np.int64)
