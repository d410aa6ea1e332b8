"""Which of the found chunks to show: two rankings fused, then relevance against diversity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from aion.types import Vectors


def fuse(lexical: Mapping[int, float], dense: Mapping[int, float], weight: float) -> dict[int, float]:
    """Scores in [0, 1] of all ids, best first: `(1 - w) * bm25 / max(bm25) + w * minmax(cosine)`.

    An id that one side does not have gets 0 there. Equal cosines all count as 1. Ranks would throw
    away how much better a hit is, and equal weights let a weak side spoil a good one.
    """
    top = max(lexical.values(), default=1.0)
    low, high = min(dense.values(), default=0.0), max(dense.values(), default=0.0)
    scores = {
        id_: (1 - weight) * lexical.get(id_, 0.0) / top
        + (weight * _minmax(dense[id_], low, high) if id_ in dense else 0.0)
        for id_ in lexical.keys() | dense.keys()
    }
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


def _minmax(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 1.0


def mmr(relevance: Mapping[int, float], vectors: Mapping[int, Vectors], k: int, lam: float) -> list[int]:
    """At most `k` ids in the order chosen by maximal marginal relevance.

    The first is the most relevant; each next maximises `lam * relevance - (1 - lam) * s`, s being its
    greatest cosine to the chosen ones (Carbonell and Goldstein, 1998). Vectors have length 1; an
    id without one resembles nothing. Ties go to the id that `relevance` names first.
    """
    ids = list(relevance)
    if not ids or k < 1:
        return []
    cosines = _cosines(ids, vectors)
    scores = np.array([relevance[id_] for id_ in ids], dtype=np.float64)
    chosen = [int(scores.argmax())]
    while len(chosen) < min(k, len(ids)):
        gains = lam * scores - (1 - lam) * cosines[chosen].max(axis=0)
        gains[chosen] = -np.inf
        chosen.append(int(gains.argmax()))
    return [ids[index] for index in chosen]


def _cosines(ids: list[int], vectors: Mapping[int, Vectors]) -> Vectors:
    n_dims = len(next(iter(vectors.values()), ()))
    nothing = np.zeros(n_dims, dtype=np.float32)
    matrix = np.stack([vectors.get(id_, nothing) for id_ in ids])
    return matrix @ matrix.T
