from __future__ import annotations

import numpy as np
import pytest

from aion.answer.calibration.examples import Examples
from aion.answer.calibration.trial import attempt
from aion.answer.confidence.features import DENSE, LEXICAL, RERANK
from aion.answer.confidence.judges import prior
from aion.answer.confidence.logistic import Logistic

NAMES = (*LEXICAL, *DENSE, *RERANK)
PRIOR = prior("")


def examples(n: int, telling: str) -> Examples:
    """Every other one is answerable, and only `telling` says which."""
    random = np.random.default_rng(2)
    rows = np.tile(
        np.array([dict(zip(PRIOR.names, PRIOR.means, strict=True)).get(name, 0.3) for name in NAMES]), (n, 1)
    )
    truth = tuple(k % 2 == 0 for k in range(n))
    rows[:, NAMES.index(telling)] = np.where(truth, 0.6, 0.4) + 0.1 * random.standard_normal(n)
    groups = tuple(k // 2 for k in range(n))
    return Examples(NAMES, rows, truth, groups, (0.6,) * n, "embedder", "")


def test_what_tells_is_learnt_and_judged_on_the_unseen() -> None:
    found = attempt(examples(200, "cosine_best"), PRIOR, PRIOR, 0.62)
    assert found.is_better
    assert found.fitted.auroc > 0.85
    assert found.present.auroc == found.mean_cosine.auroc == 0.5
    assert dict(zip(found.model.names, found.model.weights, strict=True))["cosine_best"] > 0


def test_made_questions_teach_nothing_about_words() -> None:
    words = attempt(examples(200, "wording"), PRIOR, PRIOR, 0.62, are_made=True)
    known = dict(zip(words.model.names, words.model.weights, strict=True))
    assert all(known[name] == weight for name, weight in zip(PRIOR.names, PRIOR.weights, strict=True))
    assert words.model.bias == PRIOR.bias
    assert not words.is_better
    vectors = attempt(examples(200, "cosine_best"), PRIOR, PRIOR, 0.62, are_made=True)
    assert vectors.is_better


def test_a_reranker_that_was_not_there_teaches_nothing() -> None:
    found = attempt(examples(60, "rerank_best"), PRIOR, PRIOR, 0.62)
    assert found.fitted.auroc == pytest.approx(0.5, abs=0.1)
    assert "rerank_best" not in found.model.names


def test_a_present_one_that_is_right_is_kept() -> None:
    sharp = Logistic(("cosine_best",), (0.5,), (0.05,), (5.0,), 0.0)
    assert not attempt(examples(40, "cosine_best"), PRIOR, sharp, 0.62).is_better


def test_a_group_is_never_on_both_sides() -> None:
    """Each group has one value of its own: whoever saw its other half would know it."""
    n = 40
    rows = np.zeros((n, len(NAMES)))
    rows[:, NAMES.index("cosine_best")] = np.repeat(np.random.default_rng(3).random(n // 2), 2)
    truth = tuple(k % 2 == 0 for k in range(n))
    same = Examples(NAMES, rows, truth, tuple(k // 2 for k in range(n)), (0.5,) * n, "embedder", "")
    assert attempt(same, PRIOR, PRIOR, 0.62).fitted.auroc == pytest.approx(0.5, abs=0.05)
