"""Whether an answer says what a right one says, as SQuAD's evaluation compares texts.

Rajpurkar et al. (2016), evaluate-v1.1.py: lower case, without punctuation and articles; F1 over words, the
best of the gold answers. Here for Portuguese too, accents apart, and signs as "€" are words of their own.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from aion.answer.citing.own_sources import NUMBERED_LIST
from aion.rag.stem import strip_accents

_ARTICLES = frozenset(["o", "a", "os", "as", "um", "uma", "uns", "umas", "the", "an"])
_MARK = re.compile(r"\[[0-9]{1,3}\]")


def contains_gold(answer: str, gold: Sequence[str]) -> bool:
    """Whether one of the gold answers stands in the answer, word by word and in order."""
    words = f" {' '.join(words_of(answer))} "
    return any(f" {' '.join(told)} " in words for told in map(words_of, gold) if told)


def token_f1(answer: str, gold: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of words, the best of the gold answers; in [0, 1]."""
    words = words_of(answer)
    return max((_f1(words, words_of(text)) for text in gold), default=0.0)


def words_of(text: str) -> list[str]:
    """What is compared of a text: no citations, no line of sources, no punctuation, no articles."""
    plain = strip_accents(_MARK.sub(" ", NUMBERED_LIST.sub("", text)).lower())
    spaced = "".join(map(_spaced, plain))
    return [word for word in spaced.split() if word not in _ARTICLES]


def _spaced(character: str) -> str:
    kind = unicodedata.category(character)
    if kind.startswith("P"):
        return ""
    return f" {character} " if kind.startswith("S") else character


def _f1(words: Sequence[str], gold: Sequence[str]) -> float:
    n_same = (Counter(words) & Counter(gold)).total()
    return 2 * n_same / (len(words) + len(gold)) if n_same else 0.0
