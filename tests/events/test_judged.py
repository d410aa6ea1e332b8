from __future__ import annotations

import math

import pytest

from aion.events.metrics import EventMetrics
from aion.events.period import period
from aion.store.connection import Store
from tests.events.logged import TENANT, Log

DAYS = period("2026-03-09", "2026-03-11")


def said(*numbers: int, relevant: bool = True) -> list[dict[str, object]]:
    return [{"n": n, "relevant": relevant} for n in numbers]


def found(store: Store, k: int = 10) -> tuple[object, ...]:
    ndcg = EventMetrics(store).ndcg(TENANT, DAYS, k)
    return ndcg.value, ndcg.n_judged, ndcg.n_unclear


def test_a_relevant_passage_counts_by_its_rank(log: Log, store: Store) -> None:
    log.feedback(log.answer(), passages=said(1, relevant=False) + said(3))
    assert found(store) == (pytest.approx(1 / math.log2(4)), 1, 0)
    assert found(store, k=2) == (0.0, 1, 0)


def test_a_thumb_up_makes_what_is_cited_relevant(log: Log, store: Store) -> None:
    log.feedback(log.answer(cited=[2]), thumb="up")
    assert found(store) == (pytest.approx(1 / math.log2(3)), 1, 0)


def test_a_thumb_down_says_nothing_of_passages(log: Log, store: Store) -> None:
    log.feedback(log.answer(cited=[1]), thumb="down")
    assert found(store) == (None, 0, 0)


def test_what_is_said_of_a_passage_counts_more_than_a_thumb(log: Log, store: Store) -> None:
    log.feedback(log.answer(cited=[1, 2]), thumb="up", passages=said(1, relevant=False))
    assert found(store) == (pytest.approx(1 / math.log2(3)), 1, 0)


def test_the_last_word_counts(log: Log, store: Store) -> None:
    answer = log.answer(cited=[1])
    log.feedback(answer, thumb="up", passages=said(1))
    log.feedback(answer, thumb="down", passages=said(1, relevant=False) + said(2))
    assert found(store) == (pytest.approx(1 / math.log2(3)), 1, 0)


def test_no_relevant_passage_is_nought_when_all_were_judged(log: Log, store: Store) -> None:
    log.feedback(log.answer(), passages=said(1, 2, 3, relevant=False))
    assert found(store) == (0.0, 1, 0)
    log.feedback(log.answer(), passages=said(1, relevant=False))  # the right one may be the second
    assert found(store) == (0.0, 1, 1)


def test_feedback_is_counted_when_it_is_given(log: Log, store: Store) -> None:
    answer = log.answer("2026-02-01T12:00:00.000Z")
    log.feedback(answer, thumb="up", comment="boa")
    log.feedback(answer, "2026-04-01T12:00:00.000Z", thumb="down", correction="Custa 12 €.")
    counts = EventMetrics(store).summary(TENANT, DAYS).feedback
    assert (counts.n, counts.n_up, counts.n_down, counts.n_corrections, counts.n_comments) == (1, 1, 0, 0, 1)
    assert found(store) == (1.0, 1, 0)
