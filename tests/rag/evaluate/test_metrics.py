from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.rag.evaluate.metrics import ndcg, percentile, recall, reciprocal_rank

ITEMS = "abcdefgh"
RANKINGS = st.lists(st.sampled_from(ITEMS), unique=True)
RELEVANCE = st.dictionaries(st.sampled_from(ITEMS), st.integers(1, 3).map(float), min_size=1)


def brute_ndcg(ranking: Sequence[str], relevance: Mapping[str, float], k: int) -> float:
    """The definition written out, rank by rank."""
    gained = 0.0
    for rank in range(1, k + 1):
        if rank <= len(ranking) and ranking[rank - 1] in relevance:
            gained += relevance[ranking[rank - 1]] / (math.log(rank + 1) / math.log(2))
    grades = sorted(relevance.values())
    ideal = 0.0
    for rank in range(1, k + 1):
        if grades:
            ideal += grades.pop() / (math.log(rank + 1) / math.log(2))
    return gained / ideal


def test_ndcg_of_one_relevant_passage_is_its_discount() -> None:
    assert ndcg(["x", "a"], {"a": 1.0}, 10) == pytest.approx(1 / math.log2(3))
    assert ndcg(["a"], {"a": 1.0}, 10) == 1.0
    assert ndcg(["x"] * 10 + ["a"], {"a": 1.0}, 10) == 0.0


def test_ndcg_by_hand_with_grades() -> None:
    # DCG = 1/1 + 3/log2(4) = 2.5; ideal = 3/1 + 1/log2(3) = 3.63093
    assert ndcg(["b", "x", "a"], {"a": 3.0, "b": 1.0}, 10) == pytest.approx(2.5 / 3.6309297536)
    assert ndcg(["b", "x", "a"], {"a": 3.0, "b": 1.0}, 1) == pytest.approx(1 / 3)


@given(RANKINGS, RELEVANCE, st.integers(1, 10))
def test_ndcg_is_that_of_the_definition(ranking: list[str], relevance: dict[str, float], k: int) -> None:
    assert ndcg(ranking, relevance, k) == pytest.approx(brute_ndcg(ranking, relevance, k))


@given(RANKINGS, RELEVANCE, st.integers(1, 10))
def test_the_best_ranking_has_ndcg_1_and_none_has_more(
    ranking: list[str], relevance: dict[str, float], k: int
) -> None:
    best = sorted(relevance, key=lambda item: -relevance[item])
    assert ndcg(best, relevance, k) == pytest.approx(1.0)
    assert 0.0 <= ndcg(ranking, relevance, k) <= 1.0 + 1e-9


def test_recall_and_reciprocal_rank() -> None:
    relevance = {"a": 1.0, "b": 2.0}
    assert recall(["x", "a", "y", "b"], relevance, 3) == 0.5
    assert recall(["x", "a", "y", "b"], relevance, 4) == 1.0
    assert reciprocal_rank(["x", "y", "b", "a"], relevance, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x", "y", "b", "a"], relevance, 2) == 0.0


@given(RANKINGS, RELEVANCE, st.integers(1, 10))
def test_recall_counts_the_relevant_that_were_found(
    ranking: list[str], relevance: dict[str, float], k: int
) -> None:
    assert recall(ranking, relevance, k) == len(set(ranking[:k]) & set(relevance)) / len(relevance)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.95) == 4.0
    assert percentile([7.0], 0.5) == 7.0
