"""Asks labelled questions of a search and averages the figures. Does not know how a search works."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from aion.rag.evaluate.folder import LabelledQuestion
from aion.rag.evaluate.metrics import ndcg, percentile, recall, reciprocal_rank

Search = Callable[[str], Sequence[str]]
"""A question to item ids, best first. An id may come again, for several chunks of one passage."""

Progress = Callable[[int, int], None]
"""Called as (questions asked, questions in all)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over the questions, in [0, 1], and the time of one search, embedding the question included."""

    ndcg: float
    recall: float
    mrr: float
    p50_ms: float
    p95_ms: float
    n_questions: int
    k: int

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def evaluate(
    search: Search, questions: Sequence[LabelledQuestion], k: int, progress: Progress | None = None
) -> Figures:
    """The figures of `search` over at least one question; only its first `k` distinct items count."""
    rows, times = [], []
    search(questions[0].text)  # the first search of a process pays for what later ones find ready
    for n, question in enumerate(questions):
        if progress is not None:
            progress(n, len(questions))
        started = time.perf_counter()
        found = search(question.text)
        times.append((time.perf_counter() - started) * 1000)
        ranking = list(dict.fromkeys(found))
        rows.append([metric(ranking, question.relevance, k) for metric in (ndcg, recall, reciprocal_rank)])
    if progress is not None:
        progress(len(questions), len(questions))
    gain, found, first = (sum(column) / len(rows) for column in zip(*rows, strict=True))
    p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
    return Figures(gain, found, first, p50, p95, len(questions), k)
