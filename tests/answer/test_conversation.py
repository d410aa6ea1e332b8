"""What a conversation changes in an answer: what is searched for, what the model sees, what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aion.answer.router import Answer, Question, Router
from aion.events.log import EventLog
from aion.store.connection import Store
from aion.store.events import Events
from aion.types import Message
from tests.answer.fakes import FakeGenerator, FakeRetriever, passage

TALK = (Message("user", "Quanto custa o tour full-day?"), Message("assistant", "Custa 95 € [1]."))


@dataclass
class Scene:
    retriever: FakeRetriever
    generator: FakeGenerator
    events: Events

    def answer(self, question: str, history: tuple[Message, ...]) -> Answer:
        router = Router(
            self.retriever, self.generator, EventLog(self.events), tau=0.0, system_prompt="Sistema"
        )
        return asyncio.run(router.answer(Question(question, "t", history=history)))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Store(tmp_path / "aion.db") as store:
        passages = [passage(1), passage(2)]
        yield Scene(FakeRetriever(passages), FakeGenerator("Sim [1].", n_ctx=200), Events(store))


def test_a_follow_up_is_searched_for_as_what_it_means(scene: Scene) -> None:
    scene.answer("e para crianças?", TALK)
    meant = "e para crianças? (custa tour full-day)"
    assert scene.retriever.asked == [("t", meant)]
    kept = scene.events.list("t", "retrieval")[0].meta
    assert (kept["query"], kept["original"]) == (meant, "e para crianças?")
    assert scene.events.list("t", "answer")[0].meta["prompt"] == "e para crianças?"


def test_a_question_of_its_own_is_searched_for_as_it_is(scene: Scene) -> None:
    scene.answer("Quem construiu a Quinta da Regaleira?", TALK)
    assert scene.retriever.asked == [("t", "Quem construiu a Quinta da Regaleira?")]
    assert "original" not in scene.events.list("t", "retrieval")[0].meta


def test_the_model_sees_the_last_turns_before_the_question(scene: Scene) -> None:
    scene.answer("e para crianças?", TALK)
    (prompt,) = scene.generator.prompts
    assert [message.role for message in prompt] == ["system", "user", "assistant", "user"]
    assert prompt[2].content == "Custa 95 €."
    assert prompt[3].content.startswith("e para crianças?\n")


def test_old_turns_go_before_passages_do(scene: Scene) -> None:
    long = tuple(Message(message.role, "palavra " * 30) for message in (*TALK, *TALK))
    answer = scene.answer("e para crianças?", long + TALK)
    (prompt,) = scene.generator.prompts
    assert [message.content for message in prompt[1:-1]] == ["Quanto custa o tour full-day?", "Custa 95 €."]
    assert len(answer.passages) == 2


def test_a_question_that_leaves_no_room_drops_the_turns(scene: Scene) -> None:
    scene.answer("e para crianças? " * 35, TALK)
    (prompt,) = scene.generator.prompts
    assert [message.role for message in prompt] == ["system", "user"]
