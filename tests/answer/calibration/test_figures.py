from __future__ import annotations

import math

import pytest

from aion.answer.calibration.figures import log_loss, measured, reliability
from aion.errors import InvalidRequest

TRUTH = [True, True, False, False]


def test_perfect_probabilities() -> None:
    found = measured(TRUTH, [1.0, 1.0, 0.0, 0.0], 0.62)
    assert (found.auroc, found.ece, found.passed, found.passed_wrongly) == (1.0, 0.0, 1.0, 0.0)
    assert (found.n_answerable, found.n_unanswerable) == (2, 2)


def test_probabilities_that_tell_nothing() -> None:
    found = measured(TRUTH, [0.5] * 4, 0.5)
    assert (found.auroc, found.ece, found.passed, found.passed_wrongly) == (0.5, 0.0, 1.0, 1.0)
    assert found.log_loss == pytest.approx(math.log(2))


def test_one_kind_alone_cannot_be_measured() -> None:
    with pytest.raises(InvalidRequest, match="one kind is missing"):
        measured([True, True], [0.5, 0.6], 0.62)


def test_a_sure_mistake_costs_much_but_not_everything() -> None:
    assert 10 < log_loss([True], [0.0]) < 20


def test_bins_hold_what_fell_in_them() -> None:
    bins = reliability([True, False, True, True], [0.05, 0.01, 0.95, 1.0])
    assert [(one.low, one.n, one.share) for one in bins] == [(0.0, 2, 0.5), (0.9, 2, 1.0)]
    assert bins[1].mean == pytest.approx(0.975)
