"""A question to its passages: vectors and full text, fused, then chosen by MMR. Writes nothing."""

from __future__ import annotations

import time

from aion.rag.fuse import fuse, mmr
from aion.rag.stem import stems
from aion.store.documents import Documents
from aion.store.lexical import Lexical
from aion.store.vectors import Vectors
from aion.types import Embedder, Passage, Retrieval


class Retriever:
    """Finds the passages of one tenant. Keeps nothing between questions; safe for threads."""

    def __init__(
        self,
        vectors: Vectors,
        lexical: Lexical,
        documents: Documents,
        embedder: Embedder,
        *,
        dense_weight: float = 0.2,
        mmr_lambda: float = 0.7,
    ) -> None:
        self._vectors = vectors
        self._lexical = lexical
        self._documents = documents
        self._embedder = embedder
        self._dense_weight = dense_weight
        self._mmr_lambda = mmr_lambda

    def retrieve(self, tenant: str, question: str, k_nearest: int = 24, k: int = 8) -> Retrieval:
        """At most `k` passages out of the `k_nearest` best, numbered from 1 in the order MMR chose them."""
        started = time.perf_counter()
        query = self._embedder.embed_query(question)
        nearest = dict(self._vectors.nearest(tenant, self._embedder.name, query, k_nearest))
        bm25 = dict(self._lexical.search(tenant, stems(question), k_nearest))
        found = self._vectors.fetch(tenant, self._embedder.name, [*nearest, *bm25])
        cosines = {id_: nearest.get(id_, float(vector @ query)) for id_, vector in found.items()}
        fused = dict(list(fuse(bm25, cosines, self._dense_weight).items())[:k_nearest])
        chosen = mmr(fused, found, k, self._mmr_lambda)
        passages = self._passages(tenant, chosen, fused, cosines, bm25)
        return Retrieval(question, passages, (time.perf_counter() - started) * 1000)

    def _passages(
        self,
        tenant: str,
        ids: list[int],
        fused: dict[int, float],
        cosines: dict[int, float],
        bm25: dict[int, float],
    ) -> tuple[Passage, ...]:
        rows = self._documents.chunks_by_id(tenant, ids)
        kept = [rows[id_] for id_ in ids if id_ in rows]  # a document may be replaced meanwhile
        return tuple(
            Passage(
                n=n,
                chunk_id=row.id,
                document_id=row.document_id,
                source=row.source,
                title=row.title,
                text=row.text,
                line=row.line,
                score=fused[row.id],
                cosine=cosines.get(row.id, 0.0),
                bm25=bm25.get(row.id, 0.0),
            )
            for n, row in enumerate(kept, 1)
        )
