"""One generation seen from asyncio: a prompt in, an async stream of events out, abort when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace

from aion.engine.outbox import Events
from aion.engine.serving import Loaded, Serving
from aion.errors import generation_error
from aion.types import AdapterChoice, Delta, Finished, GenerationEvent, Priority, Sampling


async def generation(
    serving: Serving,
    prepare: Callable[[Loaded], Awaitable[list[int]]],
    sampling: Sampling,
    adapters: Sequence[AdapterChoice] | None,
    *,
    priority: Priority,
    timeout_s: float | None,
) -> AsyncGenerator[GenerationEvent, None]:
    """Yield deltas, then one Finished, with the model of `serving` that is loaded now; `prepare` makes the
    tokens of the prompt with it. Leaving early, by any road, aborts the generation.

    Raises EngineBusy when its turn did not come in time, OutOfTime when its time was over before the first
    text. What came together, several tokens of one step or what a slow reader let pile up, is one delta.

    The queue holds at most `max_new_tokens + 2` events: one a token, one held back, the terminal one.
    """
    outbox = serving.outboxes.of(asyncio.get_running_loop())
    events: Events = asyncio.Queue()

    def sink(event: GenerationEvent) -> None:
        outbox.put(events, event)

    with serving.lease() as loaded:
        tokens = await prepare(loaded)
        sequence_id = loaded.engine.submit(
            tokens, sampling, sink, adapters, priority=priority, timeout_s=timeout_s
        )
        has_begun = False
        try:
            while True:
                for event in _joined(await _came(events)):
                    if isinstance(event, Finished) and event.cause != "failed" and not has_begun:
                        raise generation_error(event.cause, event.error or "")
                    if isinstance(event, Delta) and not has_begun:
                        event = replace(event, n_prompt=len(tokens))  # noqa: PLW2901
                    has_begun = True
                    yield event
                    if isinstance(event, Finished):
                        return
        finally:
            loaded.engine.abort(sequence_id)


async def _came(events: Events) -> list[GenerationEvent]:
    """The next event, and those that are there with it."""
    came = [await events.get()]
    while not events.empty():
        came.append(events.get_nowait())
    return came


def _joined(events: Sequence[GenerationEvent]) -> Sequence[GenerationEvent]:
    """The deltas of `events` as one, then the rest."""
    if len(events) == 1:
        return events
    deltas = [event for event in events if isinstance(event, Delta)]
    rest = [event for event in events if not isinstance(event, Delta)]
    if not deltas:
        return rest
    text, n_tokens = "".join(delta.text for delta in deltas), sum(delta.n_tokens for delta in deltas)
    return [Delta(text, n_tokens, tuple(told for delta in deltas for told in delta.logprobs)), *rest]
