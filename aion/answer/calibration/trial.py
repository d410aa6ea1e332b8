"""A calibration tried before it is taken: fitted on some of the examples, judged on the others, in turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aion.answer.calibration.examples import Examples
from aion.answer.calibration.figures import Figures, log_loss, measured
from aion.answer.calibration.fit import Belief, fit
from aion.answer.confidence.features import DENSE, LEXICAL, RERANK, SIGNS
from aion.answer.confidence.logistic import Logistic

N_FOLDS = 5
STRENGTHS = (3.0, 10.0, 30.0, 100.0, 1000.0)  # of what was believed before; 1,000 keeps nearly all of it


@dataclass(frozen=True, slots=True)
class Trial:
    """`model` is fitted on all examples; `fitted` are figures of examples that each fold's fit did not see,
    `present` and `mean_cosine` those of what judges now and of the contract's formula on the same ones."""

    model: Logistic
    strength: float
    fitted: Figures
    present: Figures
    mean_cosine: Figures

    @property
    def is_better(self) -> bool:
        """Whether what was fitted gives more probability to the truth than what judges now, and tells the
        answerable questions from the others no worse."""
        return self.fitted.log_loss < self.present.log_loss and self.fitted.auroc >= self.present.auroc


def attempt(
    examples: Examples, prior: Logistic, present: Logistic, tau: float, *, are_made: bool = False
) -> Trial:
    """Fit about the prior, as strongly held to it as served unseen examples best. There must be N_FOLDS
    groups and examples of both kinds.

    From made questions only what the embedder and the reranker are worth is learnt. How people's words agree
    with the documents', and how often an answer is there at all, the prior knows better.
    """
    learns = frozenset((*DENSE, *RERANK)) if are_made else None
    names = _names(examples, prior)
    columns = [examples.names.index(name) for name in names]
    rows, truth = examples.rows[:, columns], np.array(examples.truth, dtype=float)
    folds = _folds(examples.groups)
    unseen = {
        strength: _unseen(names, rows, truth, folds, Belief(prior, strength, SIGNS, learns))
        for strength in STRENGTHS
    }
    best = min(STRENGTHS, key=lambda strength: log_loss(examples.truth, unseen[strength]))
    now = [present.probability(examples.features(n)) for n in range(len(examples.truth))]
    return Trial(
        fit(names, rows, truth, Belief(prior, best, SIGNS, learns)),
        best,
        measured(examples.truth, unseen[best], tau),
        measured(examples.truth, now, tau),
        measured(examples.truth, examples.mean_cosines, tau),
    )


def _names(examples: Examples, prior: Logistic) -> tuple[str, ...]:
    """Those of the prior, and what only the models at hand tell."""
    more = (DENSE if examples.embedder else ()) + (RERANK if examples.reranker else ())
    return tuple(dict.fromkeys([*prior.names, *more, *LEXICAL]))


def _folds(groups: Sequence[int]) -> NDArray[np.int64]:
    """A number below N_FOLDS for each example, the same for all of a group."""
    order = {group: n for n, group in enumerate(dict.fromkeys(groups))}
    return np.array([order[group] % N_FOLDS for group in groups])


def _unseen(
    names: Sequence[str], rows: NDArray[np.float64], truth: NDArray[np.float64], folds: NDArray[np.int64],
    belief: Belief,
) -> list[float]:  # fmt: skip
    """What each example is given by the fit of the other folds."""
    found = [0.0] * len(truth)
    for fold in sorted(set(folds.tolist())):
        model = fit(names, rows[folds != fold], truth[folds != fold], belief)
        for n in np.flatnonzero(folds == fold):
            found[n] = model.probability(dict(zip(names, rows[n].tolist(), strict=True)))
    return found
