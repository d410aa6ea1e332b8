from __future__ import annotations

from collections.abc import Sequence

import pytest

from aion.answer.history import last_turns
from aion.types import Message


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def count_words(messages: Sequence[Message]) -> int:
    return sum(len(message.content.split()) for message in messages)


TALK = [user("um dois"), assistant("três quatro"), user("cinco"), assistant("seis sete oito")]


@pytest.mark.parametrize(("room", "n_kept"), [(8, 4), (7, 2), (4, 2), (3, 0), (0, 0)])
def test_turns_go_in_whole_the_newest_first(room: int, n_kept: int) -> None:
    assert last_turns(TALK, count_words, room) == TALK[len(TALK) - n_kept :]


def test_a_question_without_an_answer_is_no_turn() -> None:
    talk = [assistant("Olá!"), user("a"), user("b"), assistant("c"), assistant("d"), user("e")]
    assert last_turns(talk, count_words, 100) == [user("b"), assistant("c\n\nd")]


def test_citations_of_other_passages_are_left_out() -> None:
    talk = [user("a"), assistant("Custa 95 € [1], com almoço [12].\n\nFontes: [1] a.md; [12] b.md")]
    assert last_turns(talk, count_words, 100)[1].content == "Custa 95 €, com almoço."


def test_roles_alternate_whatever_was_sent() -> None:
    talk = [Message("system", "x"), *TALK, user("d"), assistant(" "), *TALK]
    roles = [message.role for message in last_turns(talk, count_words, 100)]
    assert roles == ["user", "assistant"] * 4
