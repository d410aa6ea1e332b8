"""How much the retrieval is to be trusted: the contract's mean-cosine formula."""

from __future__ import annotations

from collections.abc import Sequence


def mean_cosine_confidence(cosines: Sequence[float]) -> float:
    """C = clamp((mean(cosines) + 1) / 2, 0, 1), in [0, 1]; 0 when nothing was found.

    `cosines` are those of the chosen passages, in [-1, 1] (contract, section 4, step 2).
    """
    if not cosines:
        return 0.0
    mean = sum(cosines) / len(cosines)
    return min(1.0, max(0.0, (mean + 1.0) / 2.0))
