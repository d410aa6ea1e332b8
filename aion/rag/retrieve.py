"""A question to its passages: two searches, fused, then the best without repetition. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aion.rag.candidates import Candidates
from aion.rag.fuse import fuse, mmr
from aion.rag.similar import Seen
from aion.rag.stem import stems
from aion.rag.stopwatch import Stopwatch
from aion.rag.variants import wanted_stems
from aion.rag.wording import plain_words, wordings
from aion.store.lexical import Lexical
from aion.store.places import Places
from aion.store.vectors import Vectors
from aion.types import Embedder, Filters, Passage, Reranker, Retrieval, Signals
from aion.types import Vectors as VectorArray

DENSE_WEIGHT = 0.2  # of an embedder that was not tuned
MMR_LAMBDA = 0.9
LOOKED_AT = 16  # chunks whose wording is compared; those behind hardly ever come to the front


class Retriever:
    """Finds the passages of one tenant. Keeps nothing between questions; safe for threads."""

    def __init__(
        self,
        vectors: Vectors,
        lexical: Lexical,
        places: Places,
        embedder: Embedder | None,
        *,
        dense_weight: float | None = None,
        mmr_lambda: float = MMR_LAMBDA,
        reranker: Reranker | None = None,
    ) -> None:
        """Without an embedder the search is by words only. `dense_weight` None takes what was tuned for
        the embedder (`aion eval --tune --save`), else DENSE_WEIGHT."""
        self._vectors = vectors
        self._lexical = lexical
        self._places = places
        self._embedder = embedder
        self._dense_weight = dense_weight
        self._mmr_lambda = mmr_lambda
        self._reranker = reranker

    @property
    def embedder(self) -> Embedder | None:
        """What questions are embedded with; None searches their words only."""
        return self._embedder

    def use(self, embedder: Embedder | None) -> None:
        """Embed the questions from now on with another one. Safe while others search."""
        self._embedder = embedder

    def retrieve(
        self, tenant: str, question: str, k_nearest: int = 24, k: int = 8, filters: Filters | None = None
    ) -> Retrieval:
        """At most `k` passages out of the `k_nearest` best, numbered from 1 in the order MMR chose them.

        Each search gives `k_nearest`, at most 50, which pass `filters`. When the store's content is replaced
        meanwhile (a restore), it is asked again: ids found in the one are of other texts in the other.
        """
        content = self._places.generation()
        found = self._retrieve(tenant, question, k_nearest, k, filters)
        while (now := self._places.generation()) != content:
            content, found = now, self._retrieve(tenant, question, k_nearest, k, filters)
        return found

    def _retrieve(
        self, tenant: str, question: str, k_nearest: int, k: int, filters: Filters | None
    ) -> Retrieval:
        watch = Stopwatch()
        embedder = self._embedder
        query = None if embedder is None else embedder.embed_query(question)
        watch.lap("embed")
        languages = self._lexical.languages(tenant)
        wanted = wanted_stems(question, languages)
        bm25 = dict(self._lexical.search(tenant, wanted, k_nearest, filters))
        watch.lap("lexical")
        nearest: dict[int, float] = {}
        vectors: dict[int, VectorArray] = {}
        cosines: dict[int, float] = {}
        if embedder is not None and query is not None:
            nearest = dict(self._vectors.nearest(tenant, embedder.name, query, k_nearest, filters))
            vectors = self._vectors.fetch(tenant, embedder.name, [*bm25, *(nearest.keys() - bm25.keys())])
            cosines = {id_: nearest.get(id_, float(vector @ query)) for id_, vector in vectors.items()}
        watch.lap("dense")
        weight = self._weight(embedder)
        first = list(fuse(bm25, cosines, weight))[:k_nearest]
        found = self._look_up(tenant, question, first, bm25, nearest, cosines, vectors, filters)
        best = fuse(found.lexical(), found.dense(), weight)
        watch.lap("wording")
        judged = self._rerank(question, best, found)
        watch.lap("rerank")
        passages, n_similar = self._choose(best, judged, found, wanted, k)
        watch.lap("choose")
        signals = self._signals(tenant, embedder, languages, wanted, found)
        watch.lap("signals")
        idle = {"rerank"} if self._reranker is None else set()
        idle |= {"embed", "dense"} if embedder is None else set()
        stages = tuple(lap for lap in watch.laps if lap[0] not in idle)
        return Retrieval(
            question,
            passages,
            watch.ms,
            stems=tuple(wanted),
            stages=stages,
            n_similar=n_similar,
            signals=signals,
        )

    def _signals(
        self,
        tenant: str,
        embedder: Embedder | None,
        languages: tuple[str, ...],
        wanted: Sequence[str],
        found: Candidates,
    ) -> Signals:
        """What tells how far the choice is to be trusted; a look-up of counts, 0.1 ms for new words."""
        rarity = self._lexical.rarity(tenant, wanted)
        return Signals(
            embedder="" if embedder is None else embedder.name,
            reranker="" if self._reranker is None else self._reranker.name,
            languages=languages,
            n_chunks=rarity.n_chunks,
            stem_counts=rarity.counts,
            bm25=tuple(found.bm25.values()),
            cosines=tuple(found.nearest.values()),
            n_both=len(found.bm25.keys() & found.nearest.keys()),
        )

    def _look_up(
        self,
        tenant: str,
        question: str,
        ids: Sequence[int],
        bm25: Mapping[int, float],
        nearest: Mapping[int, float],
        cosines: Mapping[int, float],
        vectors: Mapping[int, VectorArray],
        filters: Filters | None,
    ) -> Candidates:
        """Where the chunks stand that are still there, `ids` best first; the first are looked at closer."""
        places = self._places.find(tenant, ids, filters)
        looked_at = [id_ for id_ in ids if id_ in places][:LOOKED_AT]
        words = {id_: plain_words(places[id_].text) for id_ in looked_at}
        wording = dict(zip(words, wordings(question, list(words.values())), strict=True))
        return Candidates(bm25, nearest, cosines, vectors, places, words, wording)

    def _weight(self, embedder: Embedder | None) -> float:
        """What cosines count for in the fused score."""
        if embedder is None:
            return 0.0
        tuned = self._vectors.dense_weight(embedder.name) if self._dense_weight is None else None
        return next(weight for weight in (self._dense_weight, tuned, DENSE_WEIGHT) if weight is not None)

    def _rerank(
        self, question: str, fused: Mapping[int, float], found: Candidates
    ) -> Mapping[int, float] | None:
        """What the reranker says of each, best first; None without one."""
        if self._reranker is None or not fused:
            return None
        scores = self._reranker.score(question, [found.places[id_].text for id_ in fused])
        pairs = sorted(zip(fused, scores, strict=True), key=lambda pair: -pair[1])
        return {id_: float(score) for id_, score in pairs}

    def _choose(
        self,
        fused: Mapping[int, float],
        judged: Mapping[int, float] | None,
        found: Candidates,
        wanted: list[str],
        k: int,
    ) -> tuple[tuple[Passage, ...], int]:
        """The passages, and how many were left out because a better one says the same."""
        ranking = judged or fused
        vectors = {id_: found.vectors[id_] for id_ in ranking if id_ in found.vectors}
        seen, passages, n_similar = Seen(), list[Passage](), 0
        for id_ in mmr(ranking, vectors, self._mmr_lambda):
            if len(passages) == k:
                break
            if not seen.add(found.words.get(id_) or plain_words(found.places[id_].text)):
                n_similar += 1
                continue
            held = set(stems(found.places[id_].text, found.places[id_].language))
            matched = [stem for stem in wanted if stem in held]
            rerank = None if judged is None else judged[id_]
            passages.append(found.passage(len(passages) + 1, id_, fused[id_], rerank, matched))
        return tuple(passages), n_similar
