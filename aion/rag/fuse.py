"""Two rankings fused into one, and relevance against diversity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from aion.types import Vectors

WORDING_WEIGHT = 0.8  # of the wording beside a BM25 of 1, the best


def lexical_scores(bm25: Mapping[int, float], wording: Mapping[int, float]) -> dict[int, float]:
    """`bm25 / max(bm25) + WORDING_WEIGHT * wording` of every id that has either, higher is better."""
    top = max(bm25.values(), default=0.0) or 1.0
    return {
        id_: bm25.get(id_, 0.0) / top + WORDING_WEIGHT * wording.get(id_, 0.0)
        for id_ in bm25.keys() | wording.keys()
    }


def fuse(lexical: Mapping[int, float], dense: Mapping[int, float], weight: float) -> dict[int, float]:
    """Scores in [0, 1] of all ids, best first: `(1 - w) * lexical / max(lexical) + w * minmax(cosine)`.

    An id that one side does not have gets 0 there. Equal cosines all count as 1. Ranks would throw
    away how much better a hit is, and equal weights let a weak side spoil a good one.
    """
    top = max(lexical.values(), default=0.0) or 1.0
    low, high = min(dense.values(), default=0.0), max(dense.values(), default=0.0)
    scores = {
        id_: (1 - weight) * lexical.get(id_, 0.0) / top
        + (weight * _minmax(dense[id_], low, high) if id_ in dense else 0.0)
        for id_ in lexical.keys() | dense.keys()
    }
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


def _minmax(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 1.0


def mmr(relevance: Mapping[int, float], vectors: Mapping[int, Vectors], lam: float) -> Iterator[int]:
    """All ids in the order chosen by maximal marginal relevance; who stops asking saves the rest.

    The first is the most relevant; each next maximises `lam * relevance - (1 - lam) * s`, s being its
    greatest cosine to the chosen ones (Carbonell and Goldstein, 1998). Vectors have length 1; an
    id without one resembles nothing. Ties go to the id that `relevance` names first.
    """
    ids = list(relevance)
    if not ids:
        return
    cosines = (1 - lam) * _cosines(ids, vectors).astype(np.float64)
    scores = np.array([lam * relevance[id_] for id_ in ids])
    # Without vectors nothing resembles anything, and relevance alone decides whatever `lam` is.
    best = int(np.argmax(list(relevance.values())))
    nearest = cosines[best].copy()
    for _ in ids:
        yield ids[best]
        np.maximum(nearest, cosines[best], out=nearest)
        scores[best] = -np.inf
        best = int((scores - nearest).argmax())


def _cosines(ids: list[int], vectors: Mapping[int, Vectors]) -> Vectors:
    n_dims = len(next(iter(vectors.values()), ()))
    nothing = np.zeros(n_dims, dtype=np.float32)
    matrix = np.stack([vectors.get(id_, nothing) for id_ in ids])
    return matrix @ matrix.T
