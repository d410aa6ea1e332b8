"""How well passages were ranked, by what people said of answers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aion.store.metrics_feedback import JudgedPassage


@dataclass(frozen=True, slots=True)
class Ndcg:
    """The mean over `n_judged` answers, None of none; `n_unclear` are answers of which too little was said to
    count."""

    k: int
    value: float | None
    n_judged: int
    n_unclear: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of the passages of one answer, by their numbers from 1; of `said` in so many words."""

    answer: int
    relevant: frozenset[int]
    said: frozenset[int]


def by_answer(passages: Iterable[JudgedPassage]) -> tuple[Judged, ...]:
    """The judgments of each answer; the last word counts."""
    grades: defaultdict[int, dict[int, bool]] = defaultdict(dict)
    said: defaultdict[int, set[int]] = defaultdict(set)
    for passage in passages:
        grades[passage.answer][passage.n] = passage.is_relevant
        if passage.is_said:
            said[passage.answer].add(passage.n)
    return tuple(
        Judged(
            answer, frozenset(n for n, is_relevant in mine.items() if is_relevant), frozenset(said[answer])
        )
        for answer, mine in grades.items()
    )


def ndcg(judged: Iterable[Judged], n_passages: Mapping[int, int], k: int) -> Ndcg:
    """nDCG@k of the answers that were judged, in [0, 1] (Järvelin and Kekäläinen, 2002).

    A passage has grade 1 when somebody said that it is relevant, or, where nobody said anything of it, when
    the answer cites it and got a thumb up; the last word counts. Others have grade 0, as unjudged ones have
    in trec_eval. Rank i counts 1 / log2(i + 1), and the ideal ranking has the relevant passages of the answer
    first: what was not retrieved is not known here, so this measures the order and not the recall.

    An answer without a relevant passage counts 0 when all its passages (`n_passages`, asked of such answers
    only) were judged, and not at all when only some were: the right one may be among the others.
    """
    values, n_unclear = [], 0
    for each in judged:
        if not each.relevant and len(each.said) < n_passages.get(each.answer, math.inf):
            n_unclear += 1
            continue
        ideal = _gain(range(1, min(k, len(each.relevant)) + 1))
        values.append(_gain(n for n in each.relevant if n <= k) / ideal if ideal else 0.0)
    return Ndcg(k, sum(values) / len(values) if values else None, len(values), n_unclear)


def _gain(ranks: Iterable[int]) -> float:
    return sum(1.0 / math.log2(n + 1) for n in ranks)
