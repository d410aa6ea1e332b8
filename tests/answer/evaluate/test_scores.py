from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.answer.evaluate.scores import auroc, ece

SCORED = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.booleans()), min_size=1)


@given(SCORED)
def test_auroc_is_the_share_of_pairs_in_order(scored: list[tuple[float, bool]]) -> None:
    scores, labels = [score for score, _ in scored], [label for _, label in scored]
    true = [score for score, label in scored if label]
    false = [score for score, label in scored if not label]
    pairs = [(a > b) + 0.5 * (a == b) for a in true for b in false]
    assert auroc(scores, labels) == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


def test_ece_is_how_far_a_probability_is_off() -> None:
    assert ece([0.8] * 5, [True, True, True, True, False]) == pytest.approx(0.0)
    assert ece([1.0, 1.0, 0.0, 0.0], [True, False, False, False]) == pytest.approx(0.25)
    assert ece([0.95, 0.05], [False, True]) == pytest.approx(0.95)
    assert ece([], []) is None


@given(SCORED)
def test_ece_is_a_share(scored: list[tuple[float, bool]]) -> None:
    error = ece([score for score, _ in scored], [label for _, label in scored])
    assert error is not None
    assert 0 <= error <= 1
