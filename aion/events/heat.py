"""Where retrieval goes: which documents on which days, and which scores at which rank."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from aion.events.period import Period
from aion.store.metrics_heat import HeatMetrics

N_BINS = 10


@dataclass(frozen=True, slots=True)
class HeatLine:
    """A document: how many of its passages were found on each day of the period, and their mean score."""

    source: str
    n: int
    mean_score: float
    by_day: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """`documents` are the most found, most first, `n_documents` how many were found at all and `others` what
    the rest of them had, by day. `ranks[i][j]` counts passages at rank i + 1 with a score in the j-th of ten
    equal bins of [0, 1]."""

    days: tuple[str, ...]
    documents: tuple[HeatLine, ...]
    n_documents: int
    others: tuple[int, ...]
    ranks: tuple[tuple[int, ...], ...]


def heat(metrics: HeatMetrics, tenant: str, period: Period, limit: int) -> Heat:
    """The heat map with a line for each of `limit` documents. A document that was deleted and read again is
    one, by its source. Raises StoreError."""
    rows = tuple(metrics.documents(tenant, period.days))
    sources = metrics.sources(tenant, {row.document_id: row.event for row in rows}.items())
    by_day: defaultdict[str, Counter[str]] = defaultdict(Counter)
    scores: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row in rows:
        source = sources[row.document_id]
        by_day[source][row.name] += row.n
        total[source] += row.n
        scores[source] += row.sum_score  # type: ignore[assignment]  # a counter of floats
    days = tuple(name for name, _, _ in period.days)
    most = sorted(total, key=lambda source: (-total[source], source))
    lines = tuple(
        HeatLine(
            source,
            total[source],
            scores[source] / total[source],
            tuple(by_day[source][day] for day in days),
        )
        for source in most[:limit]
    )
    others = tuple(sum(by_day[source][day] for source in most[limit:]) for day in days)
    return Heat(days, lines, len(most), others, _ranks(metrics, tenant, period))


def _ranks(metrics: HeatMetrics, tenant: str, period: Period) -> tuple[tuple[int, ...], ...]:
    found = metrics.ranks(tenant, period.days, N_BINS)
    n_ranks = max((rank for rank, _ in found), default=0)
    return tuple(tuple(found.get((rank, b), 0) for b in range(N_BINS)) for rank in range(1, n_ranks + 1))
