"""The weight of the dense list that suits an embedder, found on one half of the questions and reported on the
other, so that the figure is not of the questions it was found with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aion.rag.evaluate.folder import LabelledQuestion
from aion.rag.evaluate.metrics import ndcg
from aion.rag.evaluate.run import Progress, Search

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
_FINER = 0.05  # tried on both sides of the best
MIN_QUESTIONS = 20  # of which half are tuned on; fewer say nothing


@dataclass(frozen=True, slots=True)
class Tuning:
    """`weight` was best on the tuned half; `ndcg_by_weight` are the means over the other half."""

    weight: float
    n_tuned: int
    n_held: int
    ndcg_by_weight: Mapping[float, float]

    @property
    def ndcg(self) -> float:
        """Of the held half, with the weight that was found on the other."""
        return self.ndcg_by_weight[self.weight]

    def to_json(self) -> dict[str, object]:
        by_weight = {f"{weight:.2f}": round(value, 4) for weight, value in self.ndcg_by_weight.items()}
        return {
            "weight": self.weight,
            "n_tuned": self.n_tuned,
            "n_held": self.n_held,
            "ndcg": round(self.ndcg, 4),
            "ndcg_by_weight": by_weight,
        }


def tune(
    search_with: Callable[[float], Search],
    questions: Sequence[LabelledQuestion],
    k: int,
    progress: Progress,
) -> Tuning:
    """Tune on the questions at even places, report on those at odd ones; at least two questions.

    `search_with` is the product's search with another weight. Of equal figures the smallest weight's,
    since the lexical list is the surer side.
    """
    tuned: dict[float, float] = {}
    held: dict[float, float] = {}
    n_in_all = (len(WEIGHTS) + 2) * len(questions)

    def measure(weight: float) -> None:
        search = search_with(weight)
        values = []
        for n, question in enumerate(questions):
            progress(len(tuned) * len(questions) + n, n_in_all)
            values.append(ndcg(list(dict.fromkeys(search(question.text))), question.relevance, k))
        tuned[weight], held[weight] = _mean(values[::2]), _mean(values[1::2])

    def best() -> float:
        return max(tuned, key=lambda weight: (round(tuned[weight], 4), -weight))

    for weight in WEIGHTS:
        measure(weight)
    coarse = best()
    for weight in (round(coarse - _FINER, 2), round(coarse + _FINER, 2)):
        if 0 <= weight <= 1:
            measure(weight)
    progress(n_in_all, n_in_all)
    return Tuning(best(), len(questions[::2]), len(questions[1::2]), dict(sorted(held.items())))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
