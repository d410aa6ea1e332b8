from __future__ import annotations

import pytest

from aion.rag.evaluate.folder import LabelledQuestion
from aion.rag.evaluate.run import evaluate

QUESTIONS = [LabelledQuestion("a?", {"a": 1.0}), LabelledQuestion("b?", {"b": 1.0, "c": 1.0})]


def test_figures_are_means_over_the_questions() -> None:
    found = {"a?": ["x", "a"], "b?": ["b"]}
    figures = evaluate(found.__getitem__, QUESTIONS, 10)
    assert figures.mrr == pytest.approx((1 / 2 + 1) / 2)
    assert figures.recall == pytest.approx((1 + 1 / 2) / 2)
    assert (figures.n_questions, figures.k) == (2, 10)
    assert 0 <= figures.p50_ms <= figures.p95_ms


def test_several_chunks_of_a_passage_count_once_at_the_best_rank() -> None:
    figures = evaluate(lambda _: ["x", "x", "x", "a", "a"], QUESTIONS[:1], 2)
    assert figures.mrr == 0.5


def test_progress_is_told_before_each_question_and_at_the_end() -> None:
    calls: list[tuple[int, int]] = []
    evaluate(lambda _: [], QUESTIONS, 10, lambda *call: calls.append(call))
    assert calls == [(0, 2), (1, 2), (2, 2)]
