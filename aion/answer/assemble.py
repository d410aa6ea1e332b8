"""The messages a model is given for a question: as much of the passages and of the conversation as fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aion.answer.history import MAX_SHARE, last_turns
from aion.answer.prompt import Language, rag_context, rag_prompt, with_context
from aion.answer.question import Question
from aion.types import Message, Passage


class Reader(Protocol):
    """What must be known of the model that reads a prompt."""

    @property
    def n_ctx(self) -> int:
        """The most tokens prompt and answer may have together."""
        ...

    @property
    def n_ctx_effective(self) -> int:
        """The longest prompt it makes good use of."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int: ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages, and the passages that are numbered in them."""

    messages: tuple[Message, ...]
    passages: tuple[Passage, ...]


def assemble(
    question: Question,
    history: Sequence[Message],
    passages: Sequence[Passage],
    *,
    system: str,
    language: Language,
    reader: Reader,
) -> Prompt:
    """As many passages as leave the answer its tokens, at most a quarter of the context of `reader`, and no
    more than it makes good use of; always the first. The conversation's last turns have their share."""
    room = reader.n_ctx - min(question.sampling.max_new_tokens, reader.n_ctx // 4)
    room = min(room, reader.n_ctx_effective)
    turns = last_turns(history, reader.count_tokens, int(room * MAX_SHARE)) if history else []
    sent = tuple(passages)
    while True:
        content = with_context(rag_prompt(question.message, language), rag_context([p.text for p in sent]))
        messages = (Message("system", system), *turns, Message("user", content))
        if (len(sent) <= 1 and not turns) or reader.count_tokens(messages) <= room:
            return Prompt(messages, sent)
        if len(sent) > 1:
            sent = sent[:-1]
        else:
            turns = turns[2:]
