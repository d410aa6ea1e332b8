"""Questions whose answer is known to be in the index or not, asked, and what their retrievals look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aion.answer.calibration.left_out import LeftOut
from aion.answer.confidence.features import features
from aion.answer.confidence.judges import MeanCosine
from aion.rag.retrieve import Retriever

Floats: TypeAlias = "NDArray[np.float64]"
Progress = Callable[[int, int], None]
"""Called as (questions asked, questions in all)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to be asked without the chunks `left_out`, given by id with their stems. Examples of one
    `group` are about the same thing and stand on the same side when a fit is tried."""

    question: str
    group: int
    is_answerable: bool
    left_out: Mapping[int, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Examples:
    """What was found: `rows` of features, shape (n, len(names)), `truth` whether an answer is there, `groups`
    and the contract's confidence. `embedder` and `reranker` searched, "" where there was none."""

    names: tuple[str, ...]
    rows: Floats
    truth: tuple[bool, ...]
    groups: tuple[int, ...]
    mean_cosines: tuple[float, ...]
    embedder: str
    reranker: str

    def features(self, n: int) -> dict[str, float]:
        """Those of one example by name."""
        return dict(zip(self.names, self.rows[n].tolist(), strict=True))


def collect(
    asked: Sequence[Asked], tenant: str, retriever: Retriever, left_out: LeftOut, progress: Progress
) -> Examples:
    """Ask them all, at least one, of a retriever that leaves out what `left_out` says."""
    rows, means, names = list[list[float]](), list[float](), tuple[str, ...]()
    embedder = reranker = ""
    for n, one in enumerate(asked):
        progress(n, len(asked))
        left_out.use(one.left_out)
        found = retriever.retrieve(tenant, one.question)
        values = features(found)
        names = tuple(values)
        rows.append(list(values.values()))
        means.append(MeanCosine().confidence(tenant, found))
        embedder, reranker = found.signals.embedder, found.signals.reranker
    progress(len(asked), len(asked))
    return Examples(
        names,
        np.array(rows),
        tuple(one.is_answerable for one in asked),
        tuple(one.group for one in asked),
        tuple(means),
        embedder,
        reranker,
    )
