"""C = clamp((mean(cosines) + 1) / 2, 0, 1), section 4."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.answer.confidence import mean_cosine_confidence

COSINES = st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=8)


@given(COSINES)
def test_it_is_the_formula(cosines: list[float]) -> None:
    assert mean_cosine_confidence(cosines) == pytest.approx((statistics.fmean(cosines) + 1) / 2)


@given(st.lists(st.floats(-1e6, 1e6), max_size=8))
def test_it_is_clamped_to_the_unit_interval(cosines: list[float]) -> None:
    assert 0.0 <= mean_cosine_confidence(cosines) <= 1.0


@given(COSINES, st.randoms())
def test_the_order_does_not_matter(cosines: list[float], random: object) -> None:
    assert mean_cosine_confidence(cosines) == pytest.approx(mean_cosine_confidence(sorted(cosines)))


@pytest.mark.parametrize(
    ("cosines", "c"), [([], 0.0), ([1.0], 1.0), ([-1.0], 0.0), ([0.0], 0.5), ([0.2, 0.28], 0.62)]
)
def test_values(cosines: list[float], c: float) -> None:
    assert mean_cosine_confidence(cosines) == pytest.approx(c)
