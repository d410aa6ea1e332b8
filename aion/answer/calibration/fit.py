"""Fits a logistic model to examples, starting from what is believed already. Knows numbers only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aion.answer.calibration.examples import Floats
from aion.answer.confidence.logistic import Logistic

_N_STEPS = 50
_CLOSE = 1e-8
_SMALLEST_SCALE = 1e-6
_BIAS_STRENGTH = 5.0  # how often an answer is there: a few questions do not tell


@dataclass(frozen=True, slots=True)
class Belief:
    """What is held of the weights before examples are seen: `start`, a model, and `strength`, one over the
    variance of each weight about the start's. Features that the start does not have are held to weigh
    nothing. `signs`, 1 or -1, are of features that may only speak for or against. `learns` are the features
    whose weights examples may change; None is all of them and the bias."""

    start: Logistic | None
    strength: float
    signs: Mapping[str, int]
    learns: frozenset[str] | None = None


def fit(
    names: Sequence[str], rows: Floats, truth: Floats, belief: Belief, weights: Floats | None = None
) -> Logistic:
    """The most probable model given the belief and the examples: `rows` of shape (n, len(names)), `truth` 1
    or 0 of shape (n,), both present. A weight of the wrong sign is held at 0, the worst first.

    Newton's method on the penalised likelihood, a concave function (Hastie et al., 2009, section 4.4).
    """
    means, scales = _units(names, rows, belief.start)
    x = np.hstack([np.ones((len(rows), 1)), np.clip((rows - means) / scales, -4, 4)])
    start = _start(names, belief.start)
    learns = belief.learns
    free = np.array([learns is None, *(learns is None or name in learns for name in names)])
    found = start.copy()
    while True:
        found = _newton(x, truth, start, found, free, belief.strength, weights)
        wrong = [
            (-found[n] * belief.signs[name], n)
            for n, name in enumerate(names, 1)
            if free[n] and found[n] * belief.signs.get(name, 0) < 0
        ]
        if not wrong:
            kept = [n for n in range(len(names)) if found[n + 1] != 0]
            return Logistic(
                tuple(names[n] for n in kept),
                tuple(float(means[n]) for n in kept),
                tuple(float(scales[n]) for n in kept),
                tuple(float(found[n + 1]) for n in kept),
                float(found[0]),
            )
        worst = max(wrong)[1]
        free[worst], found[worst] = False, 0.0


def _newton(
    x: Floats, truth: Floats, start: Floats, found: Floats, free: NDArray[np.bool_], strength: float,
    weights: Floats | None,
) -> Floats:  # fmt: skip
    """`found`, the bias first, with the best weights where they are `free`. The bias is held to a start."""
    held = np.full(len(start), strength)
    held[0] = _BIAS_STRENGTH if start.any() else 1e-6
    fixed = x[:, ~free] @ found[~free]
    x, goal, held, inner = x[:, free], start[free], held[free], start[free]
    weighed = np.ones(len(x)) if weights is None else weights
    for _ in range(_N_STEPS):
        p = 1 / (1 + np.exp(-np.clip(fixed + x @ inner, -30, 30)))
        slope = x.T @ (weighed * (truth - p)) - held * (inner - goal)
        bend = (x.T * (weighed * p * (1 - p))) @ x + np.diag(held)
        step = np.linalg.solve(bend, slope)
        inner = inner + step / max(1.0, float(np.abs(step).max(initial=0.0)))
        if np.abs(step).max(initial=0.0) < _CLOSE:
            break
    whole = found.copy()
    whole[free] = inner
    return whole


def _units(names: Sequence[str], rows: Floats, start: Logistic | None) -> tuple[Floats, Floats]:
    """Means and scales: the start's, so that its weights keep their meaning, else those of the rows."""
    means, scales = rows.mean(axis=0), np.maximum(rows.std(axis=0), _SMALLEST_SCALE)
    known = {} if start is None else {
        name: (mean, scale) for name, mean, scale in zip(start.names, start.means, start.scales, strict=True)
    }  # fmt: skip
    for n, name in enumerate(names):
        if name in known:
            means[n], scales[n] = known[name]
    return means, scales


def _start(names: Sequence[str], start: Logistic | None) -> Floats:
    if start is None:
        return np.zeros(len(names) + 1)
    known = dict(zip(start.names, start.weights, strict=True))
    return np.array([start.bias, *(known.get(name, 0.0) for name in names)])
