"""Asks labelled questions of a router, one after another or a few at once, and judges what it answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aion.answer.answer import Answer
from aion.answer.evaluate.judged import Judged, failed, judge
from aion.answer.question import Question
from aion.errors import AionError
from aion.rag.evaluate.folder import LabelledQuestion

Told = Callable[[Judged], None]
"""Called with each answer as it is judged."""

Asked = Callable[[Question], Awaitable[Answer]]
"""`Router.answer`, or what takes its place."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Asking:
    """How the questions are asked. `tau` None is the service's; one `seed` makes the same answers come again,
    as far as the model's batches allow; `parallel` are under way at a time."""

    tenant: str
    tau: float | None = None
    seed: int = 1
    parallel: int = 1


async def ask_all(answer: Asked, questions: Sequence[LabelledQuestion], asking: Asking, told: Told) -> None:
    """Ask them in order. A question that fails is judged as such and keeps none from being asked."""
    waiting = iter(questions)
    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, asking.parallel)):
            group.create_task(_ask_each(answer, waiting, asking, told))


async def _ask_each(answer: Asked, waiting: Iterator[LabelledQuestion], asking: Asking, told: Told) -> None:
    for question in waiting:
        try:
            asked = Question(question.text, asking.tenant, tau=asking.tau, seed=asking.seed)
            judged = judge(question, await answer(asked))
        except AionError as error:
            judged = failed(question, error.message)
        told(judged)


def sample(questions: Sequence[Item], limit: int | None, seed: int) -> list[Item]:
    """`limit` of the questions by chance, in their order; the same ones for the same seed."""
    if limit is None or limit >= len(questions):
        return list(questions)
    chosen = random.Random(seed).sample(range(len(questions)), limit)  # noqa: S311 - no secret
    return [questions[n] for n in sorted(chosen)]
