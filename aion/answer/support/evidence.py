"""What the passages of an answer say, as sets: stems and numbers of neighbouring sentences, names, negations.

Portuguese and English. Judges no answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aion.answer.prompt import Language
from aion.answer.support.numbers import numbers_known
from aion.rag.language import detect_language
from aion.rag.sentences import split_sentences
from aion.rag.stem import stems
from aion.types import Passage

MAX_HEADING_CHARS = 100
N_BESIDE = 2  # sentences of a passage that may share the wording of one of the answer

_NEGATIONS = {
    "pt": re.compile(r"\b(?:não|nem|nunca|jamais|sem|nenhum|nenhuma|ninguém|exceto|salvo)\b", re.IGNORECASE),
    "en": re.compile(
        r"\b(?:not|no|never|nor|neither|none|without|nobody|except|cannot)\b|n['’]t\b", re.IGNORECASE
    ),
}
_SIGNS = {
    "pt": {"€": " euros ", "R$": " reais ", "$": " dólares ", "£": " libras ", "%": " por cento "},
    "en": {"€": " euros ", "R$": " reais ", "$": " dollars ", "£": " pounds ", "%": " percent "},
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One of a passage; `heading` are the stems of what stands above it."""

    stems: frozenset[str]
    n_negations: int
    heading: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring sentences of a passage under its heading."""

    stems: frozenset[str]
    numbers: frozenset[str]


class Evidence:
    """At least one passage, read with the rules of the answer's language. `stems` are one set a passage,
    `foreign` the numbers of passages in another language, `words` the stems of all there is, the question
    among it, and so `numbers`; `asked_numbers` are the question's. Immutable."""

    def __init__(self, passages: Sequence[Passage], language: Language, question: str) -> None:
        self._language: Language = language
        self.sentences: list[Sentence] = []
        self.stretches: list[Stretch] = []
        self.stems: list[frozenset[str]] = []
        for passage in passages:
            self._read(passage)
        self.foreign = frozenset(
            p.n for p in passages if detect_language(f"{p.title}\n{p.text}") not in ("", language)
        )
        about = "\n".join([question, *(f"{p.title}\n{p.source}" for p in passages)])
        self.words = self.stemmed(about).union(*self.stems)
        self.asked_numbers = frozenset(numbers_known(question))
        self.numbers = self.asked_numbers.union(*(stretch.numbers for stretch in self.stretches))

    def stemmed(self, text: str) -> frozenset[str]:
        """Its stems, signs as words, without negations."""
        text = _NEGATIONS[self._language].sub(" ", text)
        for sign, word in _SIGNS[self._language].items():
            text = text.replace(sign, word)
        return frozenset(stems(text, self._language))

    def n_negations(self, sentence: str) -> int:
        return len(_NEGATIONS[self._language].findall(sentence))

    def _read(self, passage: Passage) -> None:
        lines = [line.strip() for line in passage.text.splitlines() if line.strip()]
        has_heading = len(lines) > 1 and len(lines[0]) <= MAX_HEADING_CHARS
        heading = f"{passage.title} {lines[0] if has_heading else ''}"
        above = self.stemmed(heading)
        told = [sentence for line in lines for sentence in split_sentences(line)]
        read = [Sentence(self.stemmed(sentence), self.n_negations(sentence), above) for sentence in told]
        for n in range(max(1, len(told) - N_BESIDE + 1)):
            stretch = " ".join([heading, *told[n : n + N_BESIDE]])
            self.stretches.append(Stretch(self.stemmed(stretch), frozenset(numbers_known(stretch))))
        self.sentences += read
        self.stems.append(frozenset().union(*(sentence.stems for sentence in read)))
