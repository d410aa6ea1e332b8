from __future__ import annotations

import asyncio

from aion.answer.answer import Answer
from aion.answer.evaluate.judged import Judged
from aion.answer.evaluate.run import Asking, ask_all, sample
from aion.answer.question import Question
from aion.errors import EngineFailed
from aion.rag.evaluate.folder import LabelledQuestion

QUESTIONS = [LabelledQuestion(f"Pergunta {n}?", {"a.md": 1.0}) for n in range(6)]


class Service:
    """Answers all but the third question, and counts how many are under way."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.n_open = self.most_open = 0

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        self.n_open += 1
        self.most_open = max(self.most_open, self.n_open)
        await asyncio.sleep(0)
        self.n_open -= 1
        if question.message == "Pergunta 2?":
            raise EngineFailed("The model failed.")
        return Answer("Sim [1].", "local", 0.9, "confident", (), "fake")


def asked(service: Service, asking: Asking) -> list[Judged]:
    judged: list[Judged] = []
    asyncio.run(ask_all(service.answer, QUESTIONS, asking, judged.append))
    return judged


def test_questions_are_asked_in_order_and_one_that_fails_keeps_none_from_it() -> None:
    service = Service()
    judged = asked(service, Asking("t", tau=0.0, seed=7))
    assert [one.question for one in judged] == [question.text for question in QUESTIONS]
    assert [one.error for one in judged if one.error] == ["The model failed."]
    assert service.most_open == 1
    assert {(q.tenant, q.tau, q.seed) for q in service.asked} == {("t", 0.0, 7)}


def test_several_may_be_under_way() -> None:
    service = Service()
    assert len(asked(service, Asking("t", parallel=4))) == len(QUESTIONS)
    assert service.most_open == 4


def test_a_sample_is_the_same_for_the_same_seed_and_in_order() -> None:
    some = sample(range(100), 10, 3)
    assert some == sorted(some) == sample(range(100), 10, 3)
    assert len(set(some)) == 10
    assert some != sample(range(100), 10, 4)
    assert sample(range(3), None, 1) == sample(range(3), 9, 1) == [0, 1, 2]
