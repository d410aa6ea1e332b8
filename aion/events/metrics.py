"""What the events of a period come to: how often AION trusts itself, how sure it is, how fast, how good, what
it cost. The definitions are here; the counting is SQL (aion/store/metrics.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from aion.events.heat import Heat, heat
from aion.events.judged import Ndcg, by_answer, ndcg
from aion.events.period import Period
from aion.store.connection import Store
from aion.store.metrics import AnswerGroup, PaidRow, StageRow
from aion.store.metrics import Metrics as Figures
from aion.store.metrics_feedback import FeedbackCounts, FeedbackMetrics
from aion.store.metrics_heat import HeatMetrics

N_BINS = 20
DEFAULT_K = 10
GENERATION = "generation"  # the stage in which the local model writes
FORCED = ("forced", "fallback_off")  # a developer asked for the fallback, and it is on, or off


@dataclass(frozen=True, slots=True)
class Targets:
    """What the operator holds the figures against (AION_TAU_CONFIDENCE, AION_TAU_FALLBACK, AION_TAU_NDCG)."""

    tau: float
    tau_fallback: float
    tau_ndcg: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one stage; `kind` is who answered: "local", "fallback", or "declined" where AION said
    that it cannot. A percentile between two values is interpolated."""

    kind: str
    stage: str
    n: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Paid:
    """What paid calls came to; `cost` in the currency of the prices. One that failed brought no token."""

    n: int = 0
    n_failed: int = 0
    cost: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """A period in a few figures. A share of nothing is None.

    `fallback_share` is that of answers the local model was not trusted with, whoever then answered and
    whether or not a fallback is on; answers that were forced do not count at all. `paid_share` is that of
    answers a paid API wrote, `declined_share` that of answers that say AION does not know.
    `unsupported_share` is of the answers a model wrote: those with a sentence that shares too little with the
    passages.
    """

    n_questions: int
    n_local: int
    n_paid: int
    n_declined: int
    fallback_share: float | None
    paid_share: float | None
    declined_share: float | None
    unsupported_share: float | None
    reasons: Mapping[str, int]
    tokens_in: int
    tokens_out: int
    tokens_per_s: float | None
    total: Mapping[str, Latency]
    paid: Paid
    feedback: FeedbackCounts
    ndcg: Ndcg


@dataclass(frozen=True, slots=True)
class Histogram:
    """C as one method found it: `n` answers in each of equal bins of [0, 1], of them `n_local` trusted."""

    method: str
    mean: float
    n: tuple[int, ...]
    n_local: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ConfidenceFigures:
    """C by method, and under which tau how many answers were judged."""

    histograms: tuple[Histogram, ...]
    taus: Mapping[float, int]
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class QuestionDay:
    """One day; every day of the period has one."""

    day: str
    n: int = 0
    n_local: int = 0
    n_paid: int = 0
    n_declined: int = 0
    fallback_share: float | None = None
    cost: float = 0.0


class EventMetrics:
    """Metrics of one tenant at a time over one store. Stateless; safe for threads; blocks on the disk."""

    def __init__(self, store: Store) -> None:
        self._figures = Figures(store)
        self._feedback = FeedbackMetrics(store)
        self._heat = HeatMetrics(store)

    def summary(self, tenant: str, period: Period, k: int = DEFAULT_K) -> Summary:
        """The figures of a period, nDCG over the first `k` passages. Raises StoreError."""
        groups = self._figures.answers(tenant, period.start, period.end)
        total = self._figures.stage(tenant, period.start, period.end, "total")
        generation = self._figures.stage(tenant, period.start, period.end, GENERATION)
        n, n_paid = _count(groups), _count([g for g in groups if g.source == "fallback"])
        declined = [g for g in groups if _is_declined(g)]
        written = [g for g in groups if not _is_declined(g)]
        meant = [g for g in groups if g.reason not in FORCED]
        local = [g for g in written if g.source != "fallback"]
        return Summary(
            n_questions=n,
            n_local=_count(local),
            n_paid=n_paid,
            n_declined=_count(declined),
            fallback_share=share(_count([g for g in meant if g.reason != "confident"]), _count(meant)),
            paid_share=share(n_paid, n),
            declined_share=share(_count(declined), n),
            unsupported_share=share(sum(g.n_unsupported for g in written), _count(written)),
            reasons=_reasons(groups),
            tokens_in=sum(g.n_prompt for g in groups),
            tokens_out=sum(g.n_completion for g in groups),
            tokens_per_s=_speed(local, generation),
            total={row.kind: _latency(row) for row in total},
            paid=_paid(self._figures.paid(tenant, period.days)),
            feedback=self._feedback.counts(tenant, period.start, period.end),
            ndcg=self.ndcg(tenant, period, k),
        )

    def ndcg(self, tenant: str, period: Period, k: int = DEFAULT_K) -> Ndcg:
        """How well the passages were ranked, as those say who gave feedback in the period."""
        judged = by_answer(self._feedback.judged(tenant, period.start, period.end))
        unsure = [each.answer for each in judged if not each.relevant]
        n_passages = self._feedback.n_passages(tenant, unsure) if unsure else {}
        return ndcg(judged, n_passages, k)

    def confidence(self, tenant: str, period: Period) -> ConfidenceFigures:
        """How C is distributed, by the method that found it: those of two methods are not comparable."""
        rows = self._figures.confidence(tenant, period.start, period.end, N_BINS)
        histograms = []
        for method in sorted({row.method for row in rows}):
            mine = {row.bin: row for row in rows if row.method == method}
            n = tuple(mine[b].n if b in mine else 0 for b in range(N_BINS))
            n_local = tuple(mine[b].n_local if b in mine else 0 for b in range(N_BINS))
            mean = sum(row.sum_c for row in mine.values()) / sum(n)
            histograms.append(Histogram(method, mean, n, n_local))
        taus = self._figures.taus(tenant, period.start, period.end)
        reasons = _reasons(self._figures.answers(tenant, period.start, period.end))
        return ConfidenceFigures(tuple(histograms), taus, reasons)

    def latency(self, tenant: str, period: Period) -> tuple[Latency, ...]:
        """Each stage of each kind of answer."""
        return tuple(_latency(row) for row in self._figures.stages(tenant, period.start, period.end))

    def questions(self, tenant: str, period: Period) -> tuple[QuestionDay, ...]:
        """Every day of the period, in order."""
        cost: Counter[str] = Counter()
        for paid in self._figures.paid(tenant, period.days):
            cost[paid.name] += paid.cost_micros
        found = {row.name: row for row in self._figures.by_day(tenant, period.days)}
        days = []
        for name, _, _ in period.days:
            row, spent = found.get(name), cost[name] / 1e6
            if row is None:
                days.append(QuestionDay(name, cost=spent))
                continue
            wanted = share(row.n_distrusted - row.n_forced, row.n - row.n_forced)
            n_local = row.n - row.n_paid - row.n_declined
            days.append(QuestionDay(name, row.n, n_local, row.n_paid, row.n_declined, wanted, spent))
        return tuple(days)

    def heat(self, tenant: str, period: Period, limit: int) -> Heat:
        """Where retrieval goes: the `limit` documents most found by day, and scores by rank."""
        return heat(self._heat, tenant, period, limit)


def share(part: int, whole: int) -> float | None:
    """`part` of `whole`, None of nothing."""
    return part / whole if whole else None


def _is_declined(group: AnswerGroup) -> bool:
    return group.source != "fallback" and group.reason != "confident"


def _count(groups: list[AnswerGroup] | tuple[AnswerGroup, ...]) -> int:
    return sum(group.n for group in groups)


def _reasons(groups: tuple[AnswerGroup, ...]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for group in groups:
        found[group.reason] += group.n
    return dict(found.most_common())


def _speed(local: list[AnswerGroup], rows: tuple[StageRow, ...]) -> float | None:
    """Tokens a second while the local model wrote, of all its answers together."""
    ms = sum(row.total for row in rows if row.kind == "local")
    return sum(group.n_completion for group in local) / ms * 1000 if ms else None


def _latency(row: StageRow) -> Latency:
    return Latency(row.kind, row.stage, row.n, row.p50, row.p95)


def _paid(rows: tuple[PaidRow, ...]) -> Paid:
    return Paid(
        sum(row.n for row in rows),
        sum(row.n_failed for row in rows),
        sum(row.cost_micros for row in rows) / 1e6,
        sum(row.tokens_in for row in rows),
        sum(row.tokens_out for row in rows),
    )
