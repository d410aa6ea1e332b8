from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from aion.rag.evaluate.folder import LabelledQuestion
from aion.rag.evaluate.run import Search
from aion.rag.evaluate.tune import tune

QUESTIONS = [LabelledQuestion(f"{n}?", {"a": 1.0}) for n in range(6)]


def ranked_well_near(best: float) -> Callable[[float], Search]:
    """A product whose right passage is the lower the farther the weight is from `best`."""

    def search_with(weight: float) -> Search:
        n_before = round(abs(weight - best) * 20)
        return lambda _: ["x" + str(n) for n in range(n_before)] + ["a"]

    return search_with


@pytest.mark.parametrize("best", [0.0, 0.05, 0.3, 0.35, 0.65, 1.0])
def test_the_best_weight_is_found(best: float) -> None:
    found = tune(ranked_well_near(best), QUESTIONS, 10, lambda *_: None)
    assert found.weight == pytest.approx(best, abs=0.051)
    assert found.ndcg >= 0.6


def test_of_equal_weights_the_smallest_is_taken() -> None:
    found = tune(lambda _: lambda _: ["a"], QUESTIONS, 10, lambda *_: None)
    assert (found.weight, found.ndcg) == (0.0, 1.0)


def test_the_figure_is_of_the_questions_it_was_not_tuned_on() -> None:
    def search(question: str) -> Sequence[str]:
        return ["a"] if int(question[0]) % 2 == 0 else ["x"]

    found = tune(lambda _: search, QUESTIONS, 10, lambda *_: None)
    assert (found.ndcg, found.n_tuned, found.n_held) == (0.0, 3, 3)


def test_progress_ends_at_the_whole() -> None:
    calls: list[tuple[int, int]] = []
    tune(lambda _: lambda _: ["a"], QUESTIONS, 10, lambda *call: calls.append(call))
    assert calls[-1][0] == calls[-1][1]
    assert calls == sorted(calls)
