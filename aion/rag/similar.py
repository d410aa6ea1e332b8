"""Leaves out of a list of passages what says the same as a better one. Knows words only.

Texts with the same words were stored once already; these differ by a few: another date of printing, a
sentence more. Where the few are numbers or negations, both are kept: "custa 40 euros" beside "custa 45
euros", or "inclui almoço" beside "não inclui almoço", is what the reader has to see.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

Shingles: TypeAlias = "set[tuple[str, str, str]]"

SIMILAR = 0.7  # Jaccard index of three-word shingles
_NEGATING = """
    nao nem nunca nenhum nenhuma nada ninguem sem exceto menos salvo jamais
    not no never none nothing nobody without except neither nor t
"""
_NEGATIONS = frozenset(_NEGATING.split())


class Seen:
    """Texts shown so far."""

    def __init__(self) -> None:
        self._texts: list[tuple[Shingles, list[str]]] = []

    def add(self, text: Sequence[str]) -> bool:
        """Note a text, given as plain words, as shown; False, and it is not noted, when it is needless."""
        words = [word for word in text if word]
        shingles = set(zip(words, words[1:], words[2:], strict=False))
        for others, told in self._texts:
            if _jaccard(shingles, others) >= SIMILAR and _facts(words) == _facts(told):
                return False
        self._texts.append((shingles, words))
        return True


def _jaccard(one: Shingles, other: Shingles) -> float:
    n = len(one & other)
    return n / max(len(one) + len(other) - n, 1)


def _facts(words: Sequence[str]) -> Counter[str]:
    """The numbers and the negations of a text."""
    return Counter(word for word in words if word in _NEGATIONS or not word.isalpha())
