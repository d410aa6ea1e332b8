"""How good probabilities are: whether they tell right from wrong, and whether they mean what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import log

from aion.answer.evaluate.scores import N_BINS, auroc, ece
from aion.errors import InvalidRequest

_SURE = 1e-6  # a probability of 0 or 1 that is wrong counts as this far from it


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of probabilities of an answer against what was true. `passed` and `passed_wrongly` are the
    shares of the answerable and of the unanswerable questions at or above `tau`; a lower `log_loss`
    is a better one."""

    auroc: float
    ece: float
    log_loss: float
    tau: float
    passed: float
    passed_wrongly: float
    n_answerable: int
    n_unanswerable: int

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def measured(truth: Sequence[bool], probabilities: Sequence[float], tau: float) -> Figures:
    """All figures; `truth` says of each question whether it is answerable. Raises InvalidRequest when only
    one kind is there."""
    area, error = auroc(probabilities, truth), ece(probabilities, truth)
    if area is None or error is None:
        raise InvalidRequest(
            "Figures need questions with an answer and questions without; one kind is missing."
        )
    right = [p >= tau for p, is_true in zip(probabilities, truth, strict=True) if is_true]
    wrong = [p >= tau for p, is_true in zip(probabilities, truth, strict=True) if not is_true]
    return Figures(
        auroc=area,
        ece=error,
        log_loss=log_loss(truth, probabilities),
        tau=tau,
        passed=sum(right) / len(right),
        passed_wrongly=sum(wrong) / len(wrong),
        n_answerable=len(right),
        n_unanswerable=len(wrong),
    )


def log_loss(truth: Sequence[bool], probabilities: Sequence[float]) -> float:
    """The mean of -log of the probability that was given to the truth."""
    pairs = zip(truth, probabilities, strict=True)
    return -sum(log(max(_SURE, p if is_true else 1 - p)) for is_true, p in pairs) / len(truth)


@dataclass(frozen=True, slots=True)
class Bin:
    """Of the `n` probabilities from `low` on, a tenth wide: their mean, and the share that was answerable."""

    low: float
    n: int
    mean: float
    share: float


def reliability(truth: Sequence[bool], probabilities: Sequence[float]) -> list[Bin]:
    """The bins that have any, in order."""
    held: dict[int, list[int]] = {}
    for n, p in enumerate(probabilities):
        held.setdefault(min(N_BINS - 1, int(p * N_BINS)), []).append(n)
    return [
        Bin(
            low=which / N_BINS,
            n=len(inside),
            mean=sum(probabilities[n] for n in inside) / len(inside),
            share=sum(truth[n] for n in inside) / len(inside),
        )
        for which, inside in sorted(held.items())
    ]
