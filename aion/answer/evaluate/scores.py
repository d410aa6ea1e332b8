"""How well a score tells one kind of question from another: AUROC and expected calibration error."""

from __future__ import annotations

from collections.abc import Sequence

N_BINS = 10


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The probability that a true one has the higher score, ties counting half, in [0, 1]: the statistic of
    Mann and Whitney (1947) over the number of pairs. None when one of the two kinds is missing."""
    n_true = sum(labels)
    n_false = len(labels) - n_true
    if not n_true or not n_false:
        return None
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks, n = 0.0, 0
    while n < len(order):
        end = n
        while end < len(order) and scores[order[end]] == scores[order[n]]:
            end += 1
        ranks += (n + end + 1) / 2 * sum(labels[i] for i in order[n:end])
        n = end
    return (ranks - n_true * (n_true + 1) / 2) / (n_true * n_false)


def ece(scores: Sequence[float], labels: Sequence[bool], n_bins: int = N_BINS) -> float | None:
    """Expected calibration error of scores in [0, 1], in [0, 1]: how far, in bins of equal width and on
    average over the scores, their mean is from the share of true ones (Naeini et al., 2015). None of none."""
    if not scores:
        return None
    bins: list[list[int]] = [[] for _ in range(n_bins)]
    for i, score in enumerate(scores):
        bins[min(n_bins - 1, int(score * n_bins))].append(i)
    gaps = (abs(sum(scores[i] - labels[i] for i in held)) for held in bins if held)
    return sum(gaps) / len(scores)
