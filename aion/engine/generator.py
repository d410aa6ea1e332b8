"""The engine seen from asyncio: messages in, an async stream of events out, abort when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from aion.engine.grammar import Grammar
from aion.engine.outbox import Events, Outbox
from aion.engine.serving import Loaded, Serving
from aion.errors import generation_error
from aion.types import AdapterChoice, Delta, Finished, GenerationEvent, Message, Priority, Sampling, ToolUse


class LocalGenerator:
    """`Generator` on the engine of this process. Use from any event loop."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._outbox: Outbox | None = None

    @property
    def model_name(self) -> str:
        return self._serving.current.model.name

    @property
    def n_ctx(self) -> int:
        return self._serving.current.engine.n_ctx

    @property
    def n_ctx_effective(self) -> int:
        loaded = self._serving.current
        return min(loaded.engine.n_ctx, loaded.model.n_ctx_effective)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        with self._serving.lease() as loaded:
            return len(loaded.template.tokens(messages))

    async def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        adapters: Sequence[AdapterChoice] | None = None,
        *,
        priority: Priority = "interactive",
        timeout_s: float | None = None,
        tools: ToolUse | None = None,
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Yield deltas, then one Finished. Leaving early, by any road, aborts the generation.

        Raises EngineBusy when its turn did not come in time, OutOfTime when its time was over before the
        first text.

        What came together, several tokens of one step or what a slow reader let pile up, is one delta.

        The queue holds at most `max_new_tokens + 2` events: one a token, one held back, the terminal one.
        """
        outbox = self._outbox_of(asyncio.get_running_loop())
        events: Events = asyncio.Queue()

        def sink(event: GenerationEvent) -> None:
            outbox.put(events, event)

        with self._serving.lease() as loaded:
            tokens = await asyncio.to_thread(_prepared, loaded, messages, sampling, tools)
            sequence_id = loaded.engine.submit(
                tokens, sampling, sink, adapters, priority=priority, timeout_s=timeout_s
            )
            has_begun = False
            try:
                while True:
                    came = [await events.get()]
                    while not events.empty():
                        came.append(events.get_nowait())
                    for event in _joined(came):
                        if isinstance(event, Finished) and event.cause != "failed" and not has_begun:
                            raise generation_error(event.cause, event.error or "")
                        has_begun = True
                        yield event
                        if isinstance(event, Finished):
                            return
            finally:
                loaded.engine.abort(sequence_id)

    def _outbox_of(self, loop: asyncio.AbstractEventLoop) -> Outbox:
        """The outbox of this loop; a service has one loop, so the latest is enough."""
        outbox = self._outbox
        if outbox is None or outbox.loop is not loop:
            outbox = self._outbox = Outbox(loop)
        return outbox


def _prepared(
    loaded: Loaded, messages: Sequence[Message], sampling: Sampling, tools: ToolUse | None
) -> list[int]:
    """The tokens of the prompt; a grammar is tried out here too, for both take their time."""
    if sampling.grammar:
        Grammar(sampling.grammar, loaded.model).close()
    return loaded.template.tokens(messages, tools)


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
