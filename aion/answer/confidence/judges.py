"""How far a retrieval is to be trusted: the contract's formula, or the probability of an answer in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Protocol

from aion.answer.confidence.features import features
from aion.answer.confidence.logistic import Logistic
from aion.errors import AionError
from aion.store.calibrations import Calibration, Calibrations
from aion.types import Retrieval

_log = logging.getLogger(__name__)
_ANY = ""  # in the prior, every embedder it does not name


class Confidence(Protocol):
    """Judges what a question found. Thread-safe."""

    @property
    def method(self) -> str:
        """How, in a word."""
        ...

    def confidence(self, tenant: str, retrieval: Retrieval) -> float:
        """C, in [0, 1]; 0 when nothing was found."""
        ...


class MeanCosine:
    """The contract's formula, exactly."""

    method = "mean-cosine"

    def confidence(self, tenant: str, retrieval: Retrieval) -> float:  # noqa: ARG002
        """C of the cosines of the chosen passages."""
        return mean_cosine_confidence([passage.cosine for passage in retrieval.passages])


class Calibrated:
    """The probability that the passages hold the answer, by the tenant's calibration or, before there is one
    for the models that searched, by the prior. What is stored is read anew where it changed, whoever changed
    it. Safe for threads."""

    method = "calibrated"

    def __init__(self, calibrations: Calibrations) -> None:
        self._calibrations = calibrations
        self._known: dict[tuple[str, str, str], tuple[tuple[str, int], Logistic]] = {}

    def confidence(self, tenant: str, retrieval: Retrieval) -> float:
        """The probability, in [0, 1]; reads the store."""
        if not retrieval.passages:
            return 0.0
        signals = retrieval.signals
        return self.model(tenant, signals.embedder, signals.reranker).probability(features(retrieval))

    def model(self, tenant: str, embedder: str, reranker: str) -> Logistic:
        """What judges retrievals of these models now; "" is none."""
        key = (tenant, embedder, reranker)
        newest = self._calibrations.newest_id(*key)
        if newest is None:
            return prior(embedder)
        known, state = self._known.get(key), (self._calibrations.generation(), newest)
        if known is None or known[0] != state:
            stored = self._calibrations.newest(*key)
            known = self._known[key] = (state, _stored_model(stored) or prior(embedder))
        return known[1]


def mean_cosine_confidence(cosines: Sequence[float]) -> float:
    """C = clamp((mean(cosines) + 1) / 2, 0, 1), in [0, 1]; 0 when nothing was found.

    `cosines` are those of the chosen passages, in [-1, 1] (contract, section 4, step 2).
    """
    if not cosines:
        return 0.0
    mean = sum(cosines) / len(cosines)
    return min(1.0, max(0.0, (mean + 1.0) / 2.0))


def prior(embedder: str) -> Logistic:
    """What holds before any calibration: fitted for the embedded embedder, for others without cosines."""
    known = _priors()
    return known.get(embedder) or known[_ANY]


@cache
def _priors() -> Mapping[str, Logistic]:
    text = resources.files("aion.answer.confidence").joinpath("prior.json").read_text(encoding="utf-8")
    return {name: Logistic.from_json(model) for name, model in json.loads(text)["models"].items()}


def _stored_model(stored: Calibration | None) -> Logistic | None:
    """None where it cannot be used, as after a change of the features: that is no reason not to answer."""
    if stored is None:
        return None
    try:
        model = Logistic.from_json(stored.model)
    except AionError as error:
        _log.warning("%s Until then the prior judges.", error.message)
        return None
    if unknown := set(model.names) - _known_features():
        _log.warning("The calibration has the unknown feature %r; run aion calibrate again.", min(unknown))
        return None
    return model


@cache
def _known_features() -> frozenset[str]:
    return frozenset(features(Retrieval("", ())))
