"""Asking a remote generator from a test."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from aion.remote.backoff import Backoff
from aion.remote.generator import RemoteGenerator
from aion.types import Delta, Finished, GenerationEvent, Message, Sampling
from tests.remote.stand_in import StandIn

T = TypeVar("T")

KEY = "sk-not-for-anybody-else"
QUESTION = (Message("system", "Seja breve."), Message("user", "Quanto custa o tour?"))
SHORT = Sampling(temperature=0.5, top_p=0.9, max_new_tokens=20)
AT_ONCE = Backoff(2, first_s=0.0)
ONCE = Backoff(0)


def remote(server: StandIn | str, **options: Any) -> RemoteGenerator:
    """A generator over `server` that does not wait between its tries."""
    url = server if isinstance(server, str) else server.url
    taken: dict[str, Any] = {"timeout_s": 30.0, "backoff": AT_ONCE, **options}
    return RemoteGenerator(url, KEY, **taken)


def run(work: Coroutine[Any, Any, T]) -> T:
    """In a loop of its own, with a limit so that nothing hangs."""

    async def limited() -> T:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(limited())


async def asked(
    generator: RemoteGenerator,
    sampling: Sampling = SHORT,
    messages: Sequence[Message] = QUESTION,
    **more: Any,
) -> list[GenerationEvent]:
    async with aclosing(generator.stream(messages, sampling, **more)) as stream:
        return [event async for event in stream]


def ask(generator: RemoteGenerator, sampling: Sampling = SHORT, **more: Any) -> list[GenerationEvent]:
    """All events of one answer; exactly the last is Finished."""
    events = run(asked(generator, sampling, **more))
    assert [type(event) for event in events] == [Delta] * (len(events) - 1) + [Finished]
    return events


def end_of(events: Sequence[GenerationEvent]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


def text_of(events: Sequence[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))
