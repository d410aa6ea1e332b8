"""Questions made of a chunk's own words, where nobody has written any.

They are as people's are in what matters for finding an answer: a few words of one sentence, and some that
the chunk does not have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from aion.rag.sentences import split_sentences
from aion.rag.stem import is_stop_word, strip_accents

# As in 11,000 questions that people wrote about passages of an encyclopaedia: nine in ten have 3 to 10 terms,
# and 68 % of these are words of the passage that answers.
_N_TERMS = (3, 4, 4, 5, 5, 5, 6, 6, 7, 8, 10)
_OWN_SHARE = 0.68
_SHORTEST = 5  # terms of a sentence that is asked about
_OPENINGS = {
    "pt": ("Qual", "Quais são", "O que", "Quem", "Quando", "Onde", "Como", "Quanto", "Por que", ""),
    "en": ("What is", "Which", "Who", "When", "Where", "How", "How much", "Why", ""),
}
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")


def make_question(text: str, language: str, others: Sequence[str], random: Random) -> str | None:
    """A question about a sentence of `text`, with words of the texts `others` mixed in; None when no sentence
    is long enough. `language` is "pt", "en" or ""."""
    sentences = [terms for one in split_sentences(text) if len(terms := content_words(one)) >= _SHORTEST]
    if not sentences:
        return None
    terms = random.choice(sentences)
    n = min(random.choice(_N_TERMS), len(terms))
    kept = sorted(random.sample(range(len(terms)), n))
    foreign = [word for other in others for word in content_words(other)]
    words = [
        terms[place] if random.random() < _OWN_SHARE or not foreign else random.choice(foreign)
        for place in kept
    ]
    opening = random.choice(_OPENINGS["en" if language == "en" else "pt"])
    question = " ".join(filter(None, [opening, *words]))
    return _casual(question) if random.random() < 0.3 else f"{question}?"


def content_words(text: str) -> list[str]:
    """The words of `text` in order that are no stop words."""
    return [word for word in _WORD.findall(text) if not is_stop_word(word.lower())]


def _casual(question: str) -> str:
    """As it is typed in a hurry."""
    return strip_accents(question.lower())
