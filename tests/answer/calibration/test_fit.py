from __future__ import annotations

import numpy as np
import pytest

from aion.answer.calibration.fit import Belief, fit
from aion.answer.confidence.logistic import Logistic

NAMES = ("a", "b")
START = Logistic(NAMES, (0.0, 0.0), (1.0, 1.0), (1.0, 0.5), -0.25)


def drawn(n: int, a: float, b: float, bias: float) -> tuple[np.ndarray, np.ndarray]:
    """Examples of a true model."""
    random = np.random.default_rng(1)
    rows = random.standard_normal((n, 2))
    truth = random.random(n) < 1 / (1 + np.exp(-(rows @ [a, b] + bias)))
    return rows, truth.astype(float)


def test_it_finds_the_model_that_made_the_examples() -> None:
    rows, truth = drawn(20_000, 2.0, -1.0, 0.5)
    found = fit(NAMES, rows, truth, Belief(None, 1e-3, {}))
    assert [w / s for w, s in zip(found.weights, found.scales, strict=True)] == pytest.approx(
        [2, -1], abs=0.1
    )
    assert found.bias == pytest.approx(0.5, abs=0.1)


def test_its_slope_is_nothing_where_it_stops() -> None:
    rows, truth = drawn(200, 1.0, 1.0, 0.0)
    found = fit(NAMES, rows, truth, Belief(START, 10.0, {}))
    p = np.array([found.probability(dict(zip(NAMES, row, strict=True))) for row in rows.tolist()])
    slope = rows.T @ (truth - p) - 10.0 * (np.array(found.weights) - START.weights)
    assert np.abs(slope).max() < 1e-5


def test_a_strong_belief_stays_and_a_weak_one_yields() -> None:
    rows, truth = drawn(300, 3.0, 3.0, 0.0)
    strong = fit(NAMES, rows, truth, Belief(START, 1e6, {}))
    weak = fit(NAMES, rows, truth, Belief(START, 1e-3, {}))
    assert strong.weights == pytest.approx(START.weights, abs=0.01)
    assert min(weak.weights) > 2


def test_a_weight_of_the_wrong_sign_is_held_at_nothing() -> None:
    rows, truth = drawn(2_000, 1.0, -1.0, 0.0)
    found = fit(NAMES, rows, truth, Belief(None, 1.0, {"a": 1, "b": 1}))
    assert found.names == ("a",)


def test_only_what_may_learn_changes() -> None:
    rows, truth = drawn(2_000, 3.0, 3.0, 2.0)
    found = fit(NAMES, rows, truth, Belief(START, 1.0, {}, frozenset({"b"})))
    assert (found.weights[0], found.bias) == (START.weights[0], START.bias)
    assert found.weights[1] > 1.2


def test_a_feature_that_never_varies_breaks_nothing() -> None:
    rows, truth = drawn(100, 1.0, 0.0, 0.0)
    rows[:, 1] = 7.0
    found = fit(NAMES, rows, truth, Belief(None, 1.0, {}))
    assert 0 < found.probability({"a": 1.0, "b": 7.0}) < 1


def test_weights_count_as_copies_do() -> None:
    rows, truth = drawn(200, 1.0, -1.0, 0.0)
    twice = np.where(np.arange(200) < 100, 2.0, 1.0)
    copied = fit(
        NAMES, np.vstack([rows, rows[:100]]), np.concatenate([truth, truth[:100]]), Belief(START, 1.0, {})
    )
    assert fit(NAMES, rows, truth, Belief(START, 1.0, {}), twice).weights == pytest.approx(copied.weights)
