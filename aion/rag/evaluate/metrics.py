"""The figures of one ranking: nDCG, recall and reciprocal rank, as trec_eval computes them.

A ranking names each item once, best first; `relevance` gives the grades of the items that are relevant
at all, each above 0. Items without a grade are not relevant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence


def ndcg(ranking: Sequence[str], relevance: Mapping[str, float], k: int) -> float:
    """Normalised discounted cumulative gain of the first `k`, in [0, 1].

    The gain of an item is its grade itself (linear, as in trec_eval's ndcg_cut; not 2^grade - 1), and
    rank i counts 1 / log2(i + 1) (Järvelin and Kekäläinen, 2002). The ideal is of all relevant items.
    """
    gained = _dcg(relevance.get(item, 0.0) for item in ranking[:k])
    ideal = _dcg(sorted(relevance.values(), reverse=True)[:k])
    return gained / ideal if ideal else 0.0


def recall(ranking: Sequence[str], relevance: Mapping[str, float], k: int) -> float:
    """The share of the relevant items that are among the first `k`, in [0, 1]."""
    if not relevance:
        return 0.0
    return sum(item in relevance for item in ranking[:k]) / len(relevance)


def reciprocal_rank(ranking: Sequence[str], relevance: Mapping[str, float], k: int) -> float:
    """One over the rank of the first relevant item, 0 when none is among the first `k`."""
    return next((1.0 / n for n, item in enumerate(ranking[:k], 1) if item in relevance), 0.0)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of at least one value; `share` in (0, 1]."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _dcg(grades: Iterable[float]) -> float:
    return sum(grade / math.log2(n + 1) for n, grade in enumerate(grades, 1))
