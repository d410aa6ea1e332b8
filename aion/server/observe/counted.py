"""Counts a generation's tokens into the record of its request while they pass, so that one that is broken off
counts as far as it came."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from aion.answer.answer import Answer
from aion.server.observe.request_record import RequestRecord
from aion.types import Delta, Finished

Event = TypeVar("Event", Delta | Finished, Delta | Answer)


async def counted(
    record: RequestRecord, events: AsyncGenerator[Event, None], *, with_prompt: bool = True
) -> AsyncGenerator[Event, None]:
    """The same events. `with_prompt` False: another generation of the request has the same prompt."""
    n_told = n_prompt = 0
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Delta):
                n_told += event.n_tokens
                n_prompt += event.n_prompt
                record.count(event.n_prompt if with_prompt and event.n_prompt else None, event.n_tokens)
                record.say(event.text)
            else:
                usage = event.usage
                record.count(usage.n_prompt - n_prompt if with_prompt else None, usage.n_completion - n_told)
                if isinstance(event, Answer):
                    record.answered(event)
            yield event


def count_answer(record: RequestRecord, answer: Answer) -> None:
    """The whole of an answer that nobody saw in pieces."""
    record.count(answer.usage.n_prompt, answer.usage.n_completion)
    record.answered(answer)
    record.say(answer.text)
