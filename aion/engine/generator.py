"""The engine seen from asyncio: messages in, an async stream of events out, abort when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from aion.engine.engine import Engine
from aion.engine.template import ChatTemplate
from aion.types import Finished, GenerationEvent, Message, Sampling


class LocalGenerator:
    """`Generator` on the engine of this process. Use from any event loop."""

    def __init__(self, engine: Engine, template: ChatTemplate) -> None:
        self._engine = engine
        self._template = template

    @property
    def model_name(self) -> str:
        return self._engine.model.name

    @property
    def n_ctx(self) -> int:
        return self._engine.n_ctx

    @property
    def n_ctx_effective(self) -> int:
        return min(self._engine.n_ctx, self._engine.model.n_ctx_effective)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(self._template.tokens(messages))

    async def stream(
        self, messages: Sequence[Message], sampling: Sampling
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Yield deltas, then one Finished. Leaving early, by any road, aborts the generation.

        The queue holds at most `max_new_tokens + 2` events: one a token, one held back, the terminal one.
        """
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[GenerationEvent] = asyncio.Queue()

        def sink(event: GenerationEvent) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(events.put_nowait, event)

        sequence_id = self._engine.submit(self._template.tokens(messages), sampling, sink)
        try:
            while True:
                event = await events.get()
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            self._engine.abort(sequence_id)
