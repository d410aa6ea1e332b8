"""The words of a question that a passage should have, each with its weight. Knows stems and their rarity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from aion.rag.question_words import CIRCUMSTANCES, FUNCTION, PROPERTIES, RELATIONS
from aion.rag.stem import is_stop_word, strip_accents
from aion.rag.variants import wanted_stems
from aion.types import Signals

_MAX_TERMS = 64
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_ASKING = FUNCTION | PROPERTIES | RELATIONS | CIRCUMSTANCES


@dataclass(frozen=True, slots=True)
class Term:
    """A word. It is found where any of its `stems` is, one a language and more for parts of a hyphenated one;
    `weight` in [0, 1] is 1 for one that none of the chunks has, `n_chunks` have it. `is_name` says that it is
    written as names and numbers are, `is_common` that it only says what is asked, not of what."""

    stems: frozenset[str]
    weight: float
    n_chunks: int
    is_name: bool
    is_common: bool


def terms(question: str, signals: Signals) -> tuple[Term, ...]:
    """The distinct terms of the question in order, stop words apart, and what was not counted: that of a text
    too long for a question."""
    found: dict[frozenset[str], Term] = {}
    is_first = True
    for piece in question.split():
        word = _EDGES.sub("", piece)
        if not word:
            continue
        is_name = any(char.isdigit() for char in word) or (word[0].isupper() and not is_first)
        is_first = False
        plain = strip_accents(word.lower())
        if is_stop_word(word.lower()) or is_stop_word(plain):
            continue
        held = frozenset(wanted_stems(word, signals.languages))
        counts = [signals.stem_counts[stem] for stem in held if stem in signals.stem_counts]
        if counts and held not in found and len(found) < _MAX_TERMS:
            n_chunks = max(counts)
            found[held] = Term(held, rarity(n_chunks, signals.n_chunks), n_chunks, is_name, plain in _ASKING)
    return tuple(found.values())


def rarity(n_with: int, n_chunks: int) -> float:
    """`log((n + 1) / (n_with + 1/2)) / log(2 (n + 1))`, a document frequency inverted; 1 for none."""
    return max(0.0, log((n_chunks + 1) / (n_with + 0.5)) / log(2 * (n_chunks + 1))) if n_chunks else 1.0


def share(wanted: Sequence[Term], held: Iterable[str]) -> float:
    """The share of the terms' weight that is found among the stems `held`; 0 of no terms."""
    total = sum(term.weight for term in wanted)
    there = held if isinstance(held, (set, frozenset)) else set(held)
    return sum(term.weight for term in wanted if term.stems & there) / total if total else 0.0
