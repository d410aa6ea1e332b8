"""What a conversation changes in an answer: what is searched for, what the model sees, what is kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aion.answer.answer import Answer
from aion.answer.confidence.judges import MeanCosine
from aion.answer.paid.fallback import Fallback
from aion.answer.question import Question
from aion.answer.router import Router
from aion.errors import InvalidRequest
from aion.events.log import EventLog
from aion.store.budget import Budget
from aion.store.budget_state import Limits
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
    log: EventLog

    def answer(
        self,
        question: str,
        history: tuple[Message, ...] = (),
        conversation: str | None = None,
        tau: float | None = None,
    ) -> Answer:
        off = Fallback(None, Budget(self.events.store, Limits(0, 0, 0, 0)), {})
        router = Router(
            self.retriever, self.generator, self.log, MeanCosine(), off, tau=0.0, system_prompt="Sistema"
        )
        asked = Question(question, "t", tau, history=history, conversation=conversation)
        return asyncio.run(router.answer(asked))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Store(tmp_path / "aion.db") as store:
        passages, events = [passage(1), passage(2)], Events(store)
        with contextlib.closing(EventLog(events)) as log:
            yield Scene(FakeRetriever(passages), FakeGenerator("Sim [1].", n_ctx=200), events, log)


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


def test_a_conversation_goes_on_by_its_id(scene: Scene) -> None:
    first = scene.answer("Quanto custa o tour full-day?")
    scene.answer("e para crianças?", conversation=first.conversation)
    assert scene.retriever.asked[-1] == ("t", "e para crianças? (custa tour full-day)")
    assert [message.content for message in scene.generator.prompts[-1][1:-1]] == [
        "Quanto custa o tour full-day?",
        "Sim.",
    ]


def test_another_conversation_knows_nothing_of_it(scene: Scene) -> None:
    first = scene.answer("Quanto custa o tour full-day?")
    second = scene.answer("e para crianças?")
    assert second.conversation != first.conversation
    assert scene.retriever.asked[-1] == ("t", "e para crianças?")


def test_what_the_client_says_was_said_comes_before_what_is_on_record(scene: Scene) -> None:
    first = scene.answer("Quem construiu a Regaleira?")
    scene.answer("e para crianças?", TALK, first.conversation)
    assert scene.retriever.asked[-1] == ("t", "e para crianças? (custa tour full-day)")


@pytest.mark.parametrize("conversation", ["", "x" * 129])
def test_a_name_that_is_none_is_refused(conversation: str) -> None:
    with pytest.raises(InvalidRequest, match=str(len(conversation))) as caught:
        Question("Quanto custa?", "t", conversation=conversation)
    assert caught.value.param == "conversation_id"


def test_a_new_topic_is_not_drawn_back_to_the_old_one(scene: Scene) -> None:
    """ "e aceitam gatos?" says what it is about; only where that is not found, words before it help."""
    scene.answer("e aceitam gatos?", TALK)
    assert scene.retriever.asked == [("t", "e aceitam gatos?")]
    scene.answer("e aceitam gatos?", TALK, tau=1.0)
    assert scene.retriever.asked[-1] == ("t", "e aceitam gatos? (custa tour full-day)")
