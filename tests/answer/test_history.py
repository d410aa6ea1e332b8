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


@pytest.mark.parametrize(
    "block",
    [
        "Sources: [1] a.md",
        "**Referências**\n- [1] a.md\n- [2] b.md",
        "### Fontes:\n\n1. [2] b",
        "Fontes: 【1】",
    ],
)
def test_a_list_of_sources_under_any_heading_is_left_out(block: str) -> None:
    talk = [user("a"), assistant(f"Custa 95 € [1].\n\n{block}")]
    assert last_turns(talk, count_words, 100)[1].content == "Custa 95 €."


def test_a_list_of_fountains_stays() -> None:
    said = "Há duas.\n\nFontes:\n- Sabuga\n- Mourisca"
    assert last_turns([user("a"), assistant(said)], count_words, 100)[1].content == said


def test_roles_alternate_whatever_was_sent() -> None:
    talk = [Message("system", "x"), *TALK, user("d"), assistant(" "), *TALK]
    roles = [message.role for message in last_turns(talk, count_words, 100)]
    assert roles == ["user", "assistant"] * 4


@pytest.mark.parametrize("blanks", ["\n" * 100_000, " " * 100_000, "\n " * 50_000])
def test_an_answer_of_blanks_takes_no_longer_than_its_length(blanks: str) -> None:
    """Looked at from each of them anew they would take minutes, and hold everything up."""
    talk = [user("a"), assistant(f"sim{blanks}não [1]")]
    assert last_turns(talk, count_words, 100)[1].content == f"sim{blanks}não"
