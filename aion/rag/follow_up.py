"""Follow-up questions: one that leans on the conversation is completed with words of the questions before.

Nothing is generated: words are carried over, so that the search finds what a person would have meant.
Portuguese and English; knows no index and no model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aion.rag.question_words import ANAPHORS, CIRCUMSTANCES, FUNCTION, PROPERTIES, RELATIONS
from aion.types import Message

MAX_TURNS = 4  # questions back that words are taken from
MAX_CARRIED = 12  # words

_WORD = re.compile(r"[^\W_]+(?:[-‐'’][^\W_]+)*")

_OPENINGS = re.compile(r"(?:e|mas|ou|entao|and|but|or|so)\b|(?:what|how) about\b")


def rewrite(question: str, history: Sequence[Message]) -> str:
    """`question` itself where it stands alone, else with words of the user's last turns in brackets.

    After "Quanto custa o full-day?", "e para crianças?" becomes "e para crianças? (custa full-day)".
    """
    asked = [message.content for message in history if message.role == "user"][-MAX_TURNS:]
    return _completed(question, asked)


def names_a_topic(question: str) -> bool:
    """Whether a question says itself what it is about, whatever it may leave out."""
    return bool(_parts(question).topics)


def _completed(question: str, before: Sequence[str]) -> str:
    if not before:
        return question
    parts = _parts(question)
    if not _leans(question, parts):
        return question
    earlier = _parts(_completed(before[-1], before[:-1]))
    own = {word.plain for word in parts.all}
    carried = [word.text for word in _carried(parts, earlier) if word.plain not in own]
    return f"{question} ({' '.join(carried[:MAX_CARRIED])})" if carried else question


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    plain: str


@dataclass(frozen=True, slots=True)
class _Parts:
    """The words of a question, each once; those that say what it is about, and those that ask."""

    all: tuple[_Word, ...]
    topics: frozenset[str]
    properties: frozenset[str]


def _parts(question: str) -> _Parts:
    words = {_plain(match.group()): match.group() for match in _WORD.finditer(question)}
    content = words.keys() - FUNCTION
    properties = content & (PROPERTIES | RELATIONS)
    topics = {word for word in content - properties - CIRCUMSTANCES if not word[0].isdecimal()}
    return _Parts(
        tuple(_Word(text, plain) for plain, text in words.items()), frozenset(topics), frozenset(properties)
    )


def _leans(question: str, parts: _Parts) -> bool:
    """Whether it cannot be understood alone: no topic, or hardly one and a sign that points back."""
    n_topics = len(parts.topics)
    if n_topics == 0:
        return True
    words = {word.plain for word in parts.all}
    if n_topics == 1 and (words & ANAPHORS or words & RELATIONS):
        return True
    return n_topics <= 2 and _OPENINGS.match(_plain(question.strip())) is not None


def _carried(parts: _Parts, earlier: _Parts) -> Iterator[_Word]:
    """The earlier topics, and what was asked of them where nothing new is asked; in their order.

    A number or a time beside a topic goes with it ("ônibus 434", "night tour").
    """
    kept = earlier.topics if parts.properties else earlier.topics | earlier.properties
    words = [word.plain for word in earlier.all]
    for n, word in enumerate(earlier.all):
        beside = {*words[max(0, n - 1) : n], *words[n + 1 : n + 2]} & earlier.topics
        qualifies = word.plain.isdecimal() or word.plain in CIRCUMSTANCES
        if word.plain in kept or (beside and qualifies):
            yield word


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
