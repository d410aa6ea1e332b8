from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from aion.answer.dataset import ChatForm
from aion.answer.prompt import rag_context, rag_prompt, with_context
from aion.events.export_form import Masked, Row
from aion.store.connection import Store
from aion.store.exports import Exports
from tests.events.logged import TENANT, Log, passage

SYSTEM = "Você é AION."
DOWN = {"thumb": "down"}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Store(tmp_path / "aion.db") as store:
        yield Log(store)


def mask(texts: Sequence[str]) -> Masked:
    return Masked(
        tuple(text.replace("Ana", "[NAME_1]") for text in texts), {"name": sum("Ana" in t for t in texts)}
    )


def made(log: Log, **changes: Any) -> list[Row]:
    form = ChatForm(Exports(log.store), SYSTEM, mask, **changes)
    return list(form.new(TENANT, 0, Exports(log.store).newest()))


def messages(row: Row) -> list[tuple[str, str]]:
    assert row.content is not None
    said = row.content["messages"]
    assert isinstance(said, list)
    return [(message["role"], message["content"]) for message in said]


def test_a_row_has_the_words_the_model_was_given(log: Log) -> None:
    log.answer(n_sent=2)
    (row,) = made(log)
    context = rag_context(["Tour 1\nO tour 1 custa 10 €.", "Tour 2\nO tour 2 custa 20 €."])
    assert messages(row) == [
        ("system", SYSTEM),
        ("user", with_context(rag_prompt("Quanto custa o tour?"), context)),
        ("assistant", "Custa 10 €. [1]"),  # the line of sources is AION's, not the model's
    ]
    assert row.content is not None
    assert {name: row.content[name] for name in ("source", "corrected", "thumb", "C", "documents")} == {
        "source": "local", "corrected": False, "thumb": None, "C": 0.8, "documents": ["d1.md", "d1.md"],
    }  # fmt: skip


def test_a_question_in_english_is_asked_in_english(log: Log) -> None:
    log.answer(language="en")
    (row,) = made(log)
    assert "Answer in English" in messages(row)[1][1]


@pytest.mark.parametrize(
    ("meta", "feedback", "changes", "left_out"),
    [
        ({}, [], {}, ""),
        ({"reason": "low_confidence"}, [], {}, "declined"),
        ({"reason": "low_confidence"}, [{"thumb": "up"}], {}, "declined"),
        ({"source": "fallback", "reason": "low_confidence"}, [], {}, "fallback"),
        ({"source": "fallback", "reason": "low_confidence"}, [], {"teacher": True}, ""),
        ({"source": "fallback", "reason": "forced"}, [DOWN], {"teacher": True}, "thumb_down"),
        ({}, [DOWN], {}, "thumb_down"),
        ({}, [DOWN, {"thumb": "up"}], {}, ""),
        ({}, [DOWN | {"correction": "Custa 12 €. [1]"}], {}, ""),
        ({"reason": "fallback_off"}, [{"correction": "Custa 12 €. [1]"}], {}, ""),
        ({}, [{"correction": "Custa 12 €. [7]"}], {}, "wrong_citation"),
        ({"unsupported": [{"start": 0, "end": 4}]}, [], {}, "unsupported"),
        ({"unsupported": [{"start": 0, "end": 4}]}, [], {"unsupported": True}, ""),
        ({"reply": "Fontes: [1] a"}, [], {}, "empty"),
    ],
)
def test_only_good_answers_are_rows(
    log: Log,
    meta: dict[str, Any],
    feedback: list[dict[str, Any]],
    changes: dict[str, Any],
    left_out: str,
) -> None:
    answer = log.answer(**meta)
    for said in feedback:
        log.feedback(answer, **said)
    (row,) = made(log, **changes)
    assert (row.left_out, row.content is None) == (left_out, bool(left_out))


def test_an_answer_without_passages_teaches_nothing(log: Log) -> None:
    log.answer(passages=[])
    assert made(log)[0].left_out == "no_passages"


def test_the_last_correction_is_the_reply(log: Log) -> None:
    answer = log.answer()
    log.feedback(answer, correction="Custa 11 €. [1]")
    log.feedback(answer, correction=" Custa 12 €. [1] ", thumb="up")
    (row,) = made(log)
    assert messages(row)[-1] == ("assistant", "Custa 12 €. [1]")
    assert row.content is not None
    assert (row.content["corrected"], row.content["thumb"]) == (True, "up")


def test_a_conversation_comes_with_the_row(log: Log) -> None:
    log.answer(conversation="c")
    log.answer(conversation="c", original="e no domingo?", prompt="e no domingo?")
    log.answer(conversation="d", original="e no domingo?", prompt="e no domingo?")
    _, follow_up, alone = (messages(row) for row in made(log))
    assert [role for role, _ in follow_up] == ["system", "user", "assistant", "user", "assistant"]
    assert follow_up[1:3] == [("user", "Quanto custa o tour?"), ("assistant", "Custa 10 €.")]
    assert follow_up[3][1].startswith("e no domingo?")
    assert alone[1][1].startswith("quanto custa o tour 1?")  # asked in full: what came before is not known


def test_personal_data_is_masked_in_all_but_the_system_prompt(log: Log) -> None:
    log.answer(prompt="Sou Ana. Quanto custa?", passages=[passage(1, text="Ana conduz o tour.")])
    (row,) = made(log)
    assert "Ana" not in str(row.content)
    assert row.masked == {"name": 2}


def test_older_days_are_left_out(log: Log) -> None:
    log.answer("2026-01-01T12:00:00.000Z")
    new = log.answer("2026-03-01T12:00:00.000Z")
    assert [row.id for row in made(log, since="2026-02-01T00:00:00.000Z")] == [new]
