"""Byte-pair merging of one word: what decides whether a vocabulary means the same without a rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise


def merges_alone_find(words: Iterable[str], merges: Sequence[tuple[str, str]]) -> bool:
    """Whether each of `words` comes out of the merges as one token, so that taking it whole at once
    (`ignore_merges`) changes nothing."""
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    return all(len(merged(word, ranks)) == 1 for word in words)


def merged(word: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """`word` after all merges, the lowest rank first and from the left."""
    parts = list(word)
    while len(parts) > 1:
        pairs = [ranks.get(pair, len(ranks)) for pair in pairwise(parts)]
        best = min(pairs)
        if best == len(ranks):
            break
        at = pairs.index(best)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts
