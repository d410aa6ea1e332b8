"""A search that does as if some chunks were not there, to see how a question without an answer looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aion.store.lexical import Lexical
from aion.store.stem_counts import Rarity
from aion.store.vectors import Vectors
from aion.types import Filters
from aion.types import Vectors as VectorArray


class LeftOut:
    """Which chunks are not there: their ids, with the stems of each. Of one thread."""

    def __init__(self) -> None:
        self._stems: Mapping[int, frozenset[str]] = {}

    def use(self, stems_by_id: Mapping[int, frozenset[str]]) -> None:
        """Leave these out from now on, and no others."""
        self._stems = stems_by_id

    def __len__(self) -> int:
        return len(self._stems)

    def without(self, found: Iterable[tuple[int, float]], k: int) -> list[tuple[int, float]]:
        """The first `k` of what is there."""
        return [(id_, score) for id_, score in found if id_ not in self._stems][:k]

    def rarity(self, rarity: Rarity) -> Rarity:
        """As if it had been counted without them. A stem counted to the limit only stays at it."""
        counts = {
            stem: n if n >= rarity.limit else n - sum(stem in held for held in self._stems.values())
            for stem, n in rarity.counts.items()
        }
        return Rarity(max(0, rarity.n_chunks - len(self)), rarity.limit, counts)


class LexicalWithout(Lexical):
    """Full-text search without what is left out."""

    left_out: LeftOut

    def search(
        self, tenant: str, stems: Sequence[str], k: int, filters: Filters | None = None
    ) -> list[tuple[int, float]]:
        return self.left_out.without(super().search(tenant, stems, k + len(self.left_out), filters), k)

    def rarity(self, tenant: str, stems: Sequence[str]) -> Rarity:
        return self.left_out.rarity(super().rarity(tenant, stems))


class VectorsWithout(Vectors):
    """Nearest neighbours without what is left out, by brute force over a copy of all vectors: most of those
    that are near may be left out."""

    left_out: LeftOut
    chunk_ids: Sequence[int]
    _copy: tuple[str, NDArray[np.int64], VectorArray] | None = None

    def nearest(
        self,
        tenant: str,
        embedder: str,
        query: VectorArray,
        k: int,
        filters: Filters | None = None,  # noqa: ARG002 - calibration asks all documents
    ) -> list[tuple[int, float]]:
        ids, matrix = self.all_vectors(tenant, embedder)
        if not len(ids):
            return []
        cosines = matrix @ query
        n_wanted = min(len(ids), k + len(self.left_out))
        best = np.argpartition(-cosines, n_wanted - 1)[:n_wanted]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return self.left_out.without(((int(ids[n]), float(cosines[n])) for n in best), k)

    def all_vectors(self, tenant: str, embedder: str) -> tuple[NDArray[np.int64], VectorArray]:
        """Ids and vectors, shape (n, n_dims), of `chunk_ids`; those without a vector are left out."""
        if self._copy is None or self._copy[0] != embedder:
            found = self.fetch(tenant, embedder, self.chunk_ids)
            empty = np.zeros((0, 1), dtype=np.float32)
            matrix = np.stack(list(found.values())) if found else empty
            self._copy = (embedder, np.array(list(found), dtype=np.int64), matrix)
        return self._copy[1], self._copy[2]
