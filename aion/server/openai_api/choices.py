"""Several generations of one request, as one stream of events with the index of their choice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from aion.errors import AionError, EngineFailed, generation_error
from aion.types import Completion, Delta, GenerationEvent, TokenLogprob

Events = AsyncGenerator[GenerationEvent, None]
ChoiceEvents = AsyncGenerator[tuple[int, GenerationEvent], None]

SHUTTING_DOWN = "AION is shutting down; ask again when it is back."


async def merged(streams: Sequence[Events]) -> ChoiceEvents:
    """Events as they come, until every generation has finished. An error of one is raised and ends all; so
    does closing the iterator."""
    if len(streams) == 1:
        async with aclosing(streams[0]) as only:
            async for event in only:
                yield 0, event
        return
    arrived: asyncio.Queue[tuple[int, GenerationEvent] | AionError | None] = asyncio.Queue()
    tasks = [asyncio.create_task(_pump(i, stream, arrived)) for i, stream in enumerate(streams)]
    try:
        n_open = len(tasks)
        while n_open:
            item = await arrived.get()
            if isinstance(item, AionError):
                raise item
            if item is None:
                n_open -= 1
            else:
                yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(
    index: int, stream: Events, arrived: asyncio.Queue[tuple[int, GenerationEvent] | AionError | None]
) -> None:
    try:
        async with aclosing(stream):
            async for event in stream:
                arrived.put_nowait((index, event))
        arrived.put_nowait(None)
    except AionError as error:
        arrived.put_nowait(error)
    except Exception as error:
        arrived.put_nowait(EngineFailed(f"The generation failed ({error!r}); ask again."))
        raise


async def gathered(events: ChoiceEvents, n: int) -> list[Completion]:
    """All `n` choices, whole. Raises EngineBusy, OutOfTime or EngineFailed when one ends with an error or a
    shutdown."""
    texts: list[list[str]] = [[] for _ in range(n)]
    logprobs: list[list[TokenLogprob]] = [[] for _ in range(n)]
    done: dict[int, Completion] = {}
    async with aclosing(events):
        async for index, event in events:
            if isinstance(event, Delta):
                texts[index].append(event.text)
                logprobs[index] += event.logprobs
            elif event.reason in ("error", "abort"):
                raise generation_error(event.cause, event.error or SHUTTING_DOWN)
            else:
                text, told = "".join(texts[index]), tuple(logprobs[index])
                done[index] = Completion(text, event.reason, event.usage, event.adapter, told)
    return [done[index] for index in range(n)]
