"""How much of a question's wording a chunk has: its words as they are written, in one sentence, side by side.

BM25 of stems finds a chunk by its words wherever they stand, and to stems "universo" and "universidade"
are one. Among the best chunks it pays to look closer. Knows words; neither an index nor other scores.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import chain, pairwise
from math import log

from aion.rag.stem import is_stop_word, strip_accents

END = ""  # among words: a sentence ends here
_LINE_END = "¶"
_WORD = re.compile(r"[^\W_]+")
_SENTENCE_END = re.compile(r"[.!?…;¶][\"'”’»)\]]*$")
_MAX_REMEMBERED = 100_000  # pieces, about 20 MB
_MAX_PIECE_CHARS = 64
_MAX_QUESTION_WORDS = 64
_PAIRS = 3 / 8  # what words side by side count for; the best sentence counts for the rest


class _Remembered(dict[str, tuple[str, ...]]):
    """A piece of text without spaces, in lower case, to its words without accents, and END if it has one."""

    def __missing__(self, piece: str) -> tuple[str, ...]:
        plain = unicodedata.normalize("NFKC", piece).lower()
        words = tuple(map(strip_accents, _WORD.findall(plain)))
        words += (END,) if _SENTENCE_END.search(plain) else ()
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        if len(piece) <= _MAX_PIECE_CHARS:
            self[piece] = words
        return words


_REMEMBERED = _Remembered()


def plain_words(text: str) -> list[str]:
    """The words of `text` in order, in lower case and without accents, END where a sentence or line ends."""
    pieces = text.lower().replace("\n", f" {_LINE_END} ").split()
    return list(chain.from_iterable(map(_REMEMBERED.__getitem__, pieces)))


def wordings(question: str, texts: Sequence[Sequence[str]]) -> list[float]:
    """How much of the question's wording each of the texts, given by `plain_words`, has; in [0, 1].

    5/8 are the words of the question, stop words apart, that its best sentence has, each weighing
    `log(1 + n / (1 + the number of these texts with it))`: what all of the best have tells nothing. 3/8 are
    the question's pairs of neighbouring words that it has.
    """
    asked = [word for word in plain_words(question) if word][:_MAX_QUESTION_WORDS]
    words = {word for word in asked if not is_stop_word(word)}
    pairs = set(pairwise(asked))
    found = [words.intersection(text) for text in texts]
    weights = {word: log(1 + len(texts) / (1 + sum(word in some for some in found))) for word in words}
    total = sum(weights.values())
    scores = []
    for text in texts:
        sentence = _best_sentence(text, weights) / total if total else 0.0
        beside = len(pairs.intersection(pairwise(text))) / len(pairs) if pairs else 0.0
        scores.append((1 - _PAIRS) * sentence + _PAIRS * beside)
    return scores


def _best_sentence(text: Sequence[str], weights: dict[str, float]) -> float:
    """The greatest sum of the weights of the words that one sentence has."""
    best = 0.0
    sentence: set[str] = set()
    for word in [word for word in text if word in weights or word == END] + [END]:
        if word != END:
            sentence.add(word)
        elif sentence:
            best = max(best, sum(weights[found] for found in sentence))
            sentence.clear()
    return best
