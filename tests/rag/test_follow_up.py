from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aion.rag.follow_up import MAX_CARRIED, rewrite
from aion.server.library import Library, open_library
from aion.types import Message
from tests.server.live import SINTRA, settings_in

FULL_DAY = "Quanto custa o tour full-day?"
FOLLOW_UPS = [
    json.loads(line) for line in Path(__file__).with_name("follow_ups.jsonl").read_text("utf-8").splitlines()
]


def after(*turns: str) -> list[Message]:
    return [Message("user", turn) for turn in turns]


@pytest.mark.parametrize(
    ("question", "turns", "completed"),
    [
        ("e para crianças?", [FULL_DAY], "e para crianças? (custa tour full-day)"),
        ("E no domingo?", [FULL_DAY], "E no domingo? (custa tour full-day)"),
        ("quantas horas dura?", [FULL_DAY], "quantas horas dura? (tour full-day)"),
        ("Isso inclui almoço?", [FULL_DAY], "Isso inclui almoço? (tour full-day)"),
        ("qual a idade mínima?", [FULL_DAY, "e dura quanto?"], "qual a idade mínima? (tour full-day)"),
        ("de quanto em quanto tempo?", ["O ônibus 434 é bom?"], "de quanto em quanto tempo? (ônibus 434)"),
        ("what about Sunday?", ["How much is the night tour?"], "what about Sunday? (night tour)"),
        ("Is it open at night?", ["Where is Regaleira?"], "Is it open at night? (Regaleira)"),
    ],
)  # fmt: skip
def test_what_leans_on_the_conversation_is_completed(question: str, turns: list[str], completed: str) -> None:
    assert rewrite(question, after(*turns)) == completed


@pytest.mark.parametrize("file", ["examples/sintra-questions.jsonl"])
def test_questions_that_stand_alone_stay_as_they_are(file: str) -> None:
    for line in Path(file).read_text("utf-8").splitlines():
        question = json.loads(line)["question"]
        assert rewrite(question, after(FULL_DAY, "Posso levar minha bicicleta?")) == question


def test_there_is_nothing_to_complete_with_before_the_first_question() -> None:
    assert rewrite("e no domingo?", []) == "e no domingo?"
    assert rewrite("e no domingo?", [Message("assistant", "Olá, sou o AION.")]) == "e no domingo?"
    assert rewrite("e no domingo?", after("??", "😀")) == "e no domingo?"


def test_a_long_turn_lends_only_some_words() -> None:
    completed = rewrite("e no domingo?", after(" ".join(f"palavra{chr(97 + n)}" for n in range(26))))
    assert len(completed.split("(")[1].split()) == MAX_CARRIED


@pytest.fixture(scope="module")
def sintra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("sintra")
    with open_library(settings_in(folder)) as library:
        library.ingester.ingest([SINTRA], "default")
        yield library


def rank(library: Library, query: str, document: str, answers: list[str]) -> int:
    """Of the passage that answers, counted from 1; 99 when it was not found."""
    passages = library.retriever.retrieve("default", query).passages
    right = (p.n for p in passages if p.source.endswith(document) and any(a in p.text for a in answers))
    return next(right, 99)


def test_completed_questions_find_what_was_meant(sintra: Library) -> None:
    alone, completed = [], []
    for row in FOLLOW_UPS:
        query = rewrite(row["question"], after(*row["turns"]))
        alone.append(rank(sintra, row["question"], row["document"], row["answers"]))
        completed.append(rank(sintra, query, row["document"], row["answers"]))
    found_alone, found = (sum(n <= 3 for n in ranks) for ranks in (alone, completed))
    assert found >= 0.85 * len(FOLLOW_UPS)
    assert found >= found_alone + 0.3 * len(FOLLOW_UPS)
