from __future__ import annotations

from typing import Any

import pytest

from aion.events.metrics import EventMetrics
from aion.events.period import period
from aion.store.connection import Store
from tests.events.logged import TENANT, Log, passage

DAYS = period("2026-03-09", "2026-03-11")
FALLBACK: dict[str, Any] = {"source": "fallback", "reason": "low_confidence", "C": 0.3}
DECLINED: dict[str, Any] = {"source": "local", "reason": "over_budget", "C": 0.3, "unsupported": []}


@pytest.fixture
def metrics(store: Store) -> EventMetrics:
    return EventMetrics(store)


def test_nothing_asked_is_no_share_of_anything(metrics: EventMetrics) -> None:
    found = metrics.summary(TENANT, DAYS)
    assert (found.n_questions, found.fallback_share, found.ndcg.value, found.tokens_per_s) == (
        0,
        None,
        None,
        None,
    )
    assert metrics.confidence(TENANT, DAYS).histograms == ()
    assert [day.n for day in metrics.questions(TENANT, DAYS)] == [0, 0, 0]
    assert metrics.heat(TENANT, DAYS, 5).documents == ()


def test_the_fallback_share_is_of_what_the_local_model_was_not_trusted_with(
    log: Log, metrics: EventMetrics
) -> None:
    for meta in ({}, {}, {}, FALLBACK, DECLINED, {"source": "fallback", "reason": "forced"}):
        log.answer(**meta)
    assert metrics.questions(TENANT, DAYS)[1].fallback_share == pytest.approx(2 / 5)
    found = metrics.summary(TENANT, DAYS)
    assert (found.n_questions, found.n_local, found.n_paid, found.n_declined) == (6, 3, 2, 1)
    assert found.fallback_share == pytest.approx(2 / 5)  # the forced one does not count
    assert found.paid_share == pytest.approx(2 / 6)
    assert found.declined_share == pytest.approx(1 / 6)
    assert found.reasons["confident"] == 3


def test_unsupported_answers_are_a_share_of_those_a_model_wrote(log: Log, metrics: EventMetrics) -> None:
    log.answer(unsupported=[{"start": 0, "end": 5}])
    log.answer(**FALLBACK)
    log.answer(**DECLINED)
    assert metrics.summary(TENANT, DAYS).unsupported_share == 0.5


def test_tokens_and_money(log: Log, metrics: EventMetrics) -> None:
    log.answer(n_completion=30, ms={"generation": 500.0, "total": 600.0})
    log.answer(n_completion=10, ms={"generation": 300.0, "total": 400.0})
    log.paid()
    log.paid(tokens_out=0, cost_micros=500, error="timeout")
    log.paid(model="", cost_micros=0, tokens_out=0)  # wanted and not called
    found = metrics.summary(TENANT, DAYS)
    assert (found.tokens_in, found.tokens_out) == (100, 40)
    assert found.tokens_per_s == pytest.approx(50.0)
    assert (found.paid.n, found.paid.n_failed) == (2, 1)
    assert found.paid.cost == pytest.approx(0.002)


def test_latency_by_stage_and_by_who_answered(log: Log, metrics: EventMetrics) -> None:
    for total in (100.0, 200.0, 300.0):
        log.answer(ms={"total": total, 'od"d': 1.0})
    log.answer(**FALLBACK, ms={"total": 9000.0, "fallback": 8000.0})
    log.answer(**DECLINED, ms={"total": 7.0, "broken": None})
    found = {(each.kind, each.stage): each for each in metrics.latency(TENANT, DAYS)}
    local = found["local", "total"]
    assert (local.n, local.p50_ms) == (3, 200.0)
    assert local.p95_ms == pytest.approx(290.0)
    assert found["fallback", "fallback"].p50_ms == 8000.0
    assert set(found) == {
        ("local", "total"), ("local", 'od"d'), ("fallback", "total"), ("fallback", "fallback"),
        ("declined", "total"),
    }  # fmt: skip
    assert metrics.summary(TENANT, DAYS).total["local"] == local


def test_c_of_two_methods_is_kept_apart(log: Log, metrics: EventMetrics) -> None:
    for c in (0.0, 0.61, 0.63, 1.0):
        log.answer(C=c, reason="confident" if c >= 0.62 else "low_confidence")
    log.answer(C=0.5, confidence_method="mean-cosine", tau=0.4)
    log.answer(C=None)
    found = metrics.confidence(TENANT, DAYS)
    calibrated, cosine = found.histograms
    assert [(b, n) for b, n in enumerate(calibrated.n) if n] == [(0, 1), (12, 2), (19, 1)]
    assert calibrated.n_local[12] == 1
    assert calibrated.mean == pytest.approx(0.56)
    assert (cosine.method, sum(cosine.n)) == ("mean-cosine", 1)
    assert found.taus == {0.62: 5, 0.4: 1}


def test_days_are_those_of_the_zone(log: Log, metrics: EventMetrics) -> None:
    log.answer("2026-03-10T23:30:00.000Z")
    log.answer("2026-03-10T23:30:00.000Z", **FALLBACK)
    log.paid("2026-03-10T23:30:00.000Z")
    for tz, numbers in (("UTC", [0, 2, 0]), ("+01:00", [0, 0, 2]), ("-03:00", [0, 2, 0])):
        days = metrics.questions(TENANT, period("2026-03-09", "2026-03-11", tz))
        assert [day.n for day in days] == numbers
    day = days[1]
    assert (day.n_local, day.n_paid, day.fallback_share) == (1, 1, 0.5)
    assert day.cost == pytest.approx(0.0015)


def test_the_ends_of_a_period(log: Log, metrics: EventMetrics) -> None:
    for at in ("2026-03-08T23:59:59.999Z", "2026-03-09T00:00:00.000Z", "2026-03-11T23:59:59.999Z",
               "2026-03-12T00:00:00.000Z"):  # fmt: skip
        log.answer(at)
    assert metrics.summary(TENANT, DAYS).n_questions == 2


def test_tenants_never_see_each_other(log: Log, store: Store, metrics: EventMetrics) -> None:
    answer = log.answer()
    log.feedback(answer, thumb="up")
    log.paid()
    found = metrics.summary("other", DAYS)
    assert (found.n_questions, found.feedback.n, found.ndcg.n_judged, found.paid.n) == (0, 0, 0, 0)
    assert metrics.heat("other", DAYS, 5).ranks == ()
    Log(store, "other").answer()
    assert metrics.summary(TENANT, DAYS).n_questions == 1


def test_a_document_read_again_is_one_line_of_the_heat_map(log: Log, metrics: EventMetrics) -> None:
    again = passage(2, document=1, score=1.0)
    moved = type(again)(**{name: getattr(again, name) for name in again.__slots__} | {"document_id": 9})
    log.answer("2026-03-09T12:00:00.000Z", passages=[passage(1, 1, 0.5), moved])
    log.answer("2026-03-11T12:00:00.000Z", passages=[passage(1, 2, 0.05)])
    found = metrics.heat(TENANT, DAYS, 1)
    (line,) = found.documents
    assert (line.source, line.n, line.mean_score, line.by_day) == ("d1.md", 2, 0.75, (2, 0, 0))
    assert (found.n_documents, found.others) == (2, (0, 0, 1))
    assert [sum(row) for row in found.ranks] == [2, 1]
    assert (found.ranks[0][5], found.ranks[0][0], found.ranks[1][9]) == (1, 1, 1)


@pytest.mark.parametrize(
    "meta",
    [
        {"source": None, "reason": None, "C": "x", "ms": "abc"},
        {"ms": [1, 2], "C": 7, "tau": "a", "unsupported": "x", "n_prompt": "9"},
        {"ms": 3, "cited": 3, "reason": 5, "confidence_method": 3},
    ],
)
def test_an_odd_event_breaks_no_figure(log: Log, metrics: EventMetrics, meta: dict[str, Any]) -> None:
    bare = log.event("answer", {})
    log.feedback(bare, thumb="up")
    odd = log.answer(**meta)
    log.feedback(odd, thumb="up", passages="x")
    log.feedback(odd, thumb=3, passages=[3, {"n": "x"}, {}])
    assert metrics.summary(TENANT, DAYS).n_questions == 2
    assert sum(day.n for day in metrics.questions(TENANT, DAYS)) == 2
    assert len(metrics.confidence(TENANT, DAYS).histograms) <= 1
    assert all(each.stage for each in metrics.latency(TENANT, DAYS))
