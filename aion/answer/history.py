"""A conversation so far as turns: a question and its answer, whole. What a model is shown of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from aion.answer.citing.own_sources import NUMBERED_LIST
from aion.types import Message

MAX_SHARE = 0.25  # of the room for a prompt; the passages need the rest

# Clients send what they like: this may not look at a run of blanks more than once.
_CITATION = re.compile(r"(?<![ \t])[ \t]*\[[0-9]{1,3}\]")


def last_turns(
    history: Sequence[Message], count_tokens: Callable[[Sequence[Message]], int], room: int
) -> list[Message]:
    """The newest turns, each a user's and an assistant's message, of at most `room` tokens together.

    A turn goes in whole or not at all, and none before one that does not. Citations are left out of
    the answers: their numbers are of other passages than those to come.
    """
    kept: list[Message] = []
    for turn in reversed(_turns(history)):
        if count_tokens([*turn, *kept]) > room:
            break
        kept = [*turn, *kept]
    return kept


def _turns(history: Sequence[Message]) -> list[tuple[Message, Message]]:
    """Questions with the answers they got; what comes between two questions is one answer."""
    turns: list[tuple[Message, list[str]]] = []
    for message in history:
        if message.role == "user":
            turns.append((message, []))
        elif message.role == "assistant" and turns:
            turns[-1][1].append(_without_citations(message.content))
    answered = ((asked, "\n\n".join(filter(None, said))) for asked, said in turns)
    return [(asked, Message("assistant", said)) for asked, said in answered if said]


def _without_citations(answer: str) -> str:
    return _CITATION.sub("", NUMBERED_LIST.sub("", answer)).strip()
