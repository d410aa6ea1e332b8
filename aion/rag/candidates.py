"""What two searches found of a question, chunk by chunk: scores, vectors, places, words. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aion.rag.fuse import lexical_scores
from aion.store.places import Place
from aion.types import Passage, Vectors


@dataclass(frozen=True, slots=True)
class Candidates:
    """All by chunk id. `bm25` and `nearest` have what each search found, best first; `cosines` and
    `vectors`, every chunk that has a vector; `places`, the best that are still there; `words` and
    `wording`, the best of these, which were looked at closer."""

    bm25: Mapping[int, float]
    nearest: Mapping[int, float]
    cosines: Mapping[int, float]
    vectors: Mapping[int, Vectors]
    places: Mapping[int, Place]
    words: Mapping[int, Sequence[str]]
    wording: Mapping[int, float]

    def lexical(self) -> dict[int, float]:
        """BM25 and wording as one score."""
        there = {id_: score for id_, score in self.bm25.items() if id_ in self.places}
        return lexical_scores(there, self.wording)

    def dense(self) -> dict[int, float]:
        """The cosines of chunks that are still there."""
        return {id_: cosine for id_, cosine in self.cosines.items() if id_ in self.places}

    def passage(
        self, n: int, chunk_id: int, score: float, rerank: float | None, stems: Sequence[str]
    ) -> Passage:
        """The chunk as it is shown, with why it was chosen."""
        place = self.places[chunk_id]
        return Passage(
            n=n,
            chunk_id=place.id,
            document_id=place.document_id,
            source=place.source,
            title=place.title,
            text=place.text,
            line=place.line,
            score=score,
            cosine=self.cosines.get(chunk_id, 0.0),
            bm25=self.bm25.get(chunk_id, 0.0),
            page=place.page,
            rerank=rerank,
            lexical_rank=_rank(self.bm25, chunk_id),
            dense_rank=_rank(self.nearest, chunk_id),
            wording=self.wording.get(chunk_id, 0.0),
            stems=tuple(stems),
        )


def _rank(ranking: Mapping[int, float], chunk_id: int) -> int | None:
    return next((place for place, id_ in enumerate(ranking, 1) if id_ == chunk_id), None)
