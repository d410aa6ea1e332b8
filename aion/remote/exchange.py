"""One try: the request in the form the server understands, and its answer read to the end.

Learns what the server is (its models, its context, the parameters it takes, whether it speaks OpenAI at all)
and keeps it. Tries nothing again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from aion.remote.address import Address
from aion.remote.card import Card, read_card, read_n_ctx
from aion.remote.event_reader import EventReader, LineTooLong
from aion.remote.failure import Failures, TryFailed
from aion.remote.generate_form import generate_payload, generated_text
from aion.remote.payload import LENGTHS, Asked, Dialect, chat_payload
from aion.remote.reply import Broken, ErrorTold, NoText, Reply
from aion.remote.role import Role
from aion.remote.tokens import TokenEstimate
from aion.remote.toll import Toll
from aion.remote.wire import Deadline, Received, Wire
from aion.types import Delta, Finished, GenerationEvent, Usage

CARD_S = 300.0  # a server may be started anew with another model
LOOK_S = 5.0  # for a card that one can do without
LAST_WORDS_S = 5.0  # for the usage that follows an answer's end


class Exchange:
    """Speaks with one server. Used from one event loop at a time; `model` and `n_ctx` from any thread."""

    def __init__(
        self,
        role: Role,
        address: Address,
        failures: Failures,
        model: str,
        n_ctx: int | None,
        estimate: TokenEstimate,
    ) -> None:
        self._role = role
        self._address = address
        self._failures = failures
        self._wanted = model
        self._n_ctx = n_ctx
        self._estimate = estimate
        self._card: Card | None = None
        self._looked_at = 0.0
        self._speaks_generate = False
        self.dialect = Dialect(LENGTHS[address.host == "api.openai.com"])

    @property
    def model(self) -> str:
        """The model that is asked for, "" when not yet known."""
        return self._wanted or (self._card.model if self._card else "")

    @property
    def n_ctx(self) -> int | None:
        """Tokens of context, None when not known."""
        return self._n_ctx or (self._card.n_ctx if self._card else None)

    async def look(self, wire: Wire, deadline: Deadline) -> Card:
        """Ask for the server's card. Raises TryFailed; a server without such a list has an empty card."""
        try:
            card = read_card(await wire.get(f"{self._address.api}/models", deadline), self._wanted)
        except TryFailed as failure:
            if not failure.is_missing:
                raise
            card = Card(self._wanted)
        except Broken as broken:
            raise self._failures.broken(str(broken)) from None
        if card.more_at and self._n_ctx is None:
            with contextlib.suppress(TryFailed):
                told = read_n_ctx(await wire.get(f"{self._address.root}{card.more_at}", deadline))
                card = card.serving(told or card.n_ctx)
        self._card, self._looked_at = card, time.monotonic()
        return card

    async def answer(
        self, wire: Wire, asked: Asked, deadline: Deadline, toll: Toll
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Deltas and Finished. Raises TryFailed, InvalidRequest, and what `toll` raises."""
        if not self._speaks_generate:
            try:
                card = await self._card_for(wire, asked, deadline)
                payload = chat_payload(asked, card, self.dialect, self._wanted or card.model)
                async with contextlib.aclosing(self._chat(wire, payload, asked, deadline, toll)) as events:
                    async for event in events:
                        yield event
                return
            except TryFailed as failure:
                if not (failure.is_missing and self._role.speaks_generate):
                    raise
        text = await self._generate(wire, asked, deadline)
        yield Delta(text, n_tokens := self._estimate.of_bytes(len(text.encode())))
        yield Finished("stop", Usage(self._estimate.count(asked.messages), n_tokens))

    async def _card_for(self, wire: Wire, asked: Asked, deadline: Deadline) -> Card:
        """The card where the request needs one: a paid API, whose model is named, is not asked for it."""
        age_s = time.monotonic() - self._looked_at
        if self._card is not None and age_s < CARD_S:
            return self._card
        is_needed = not self._wanted or bool(asked.adapters or asked.sampling.grammar)
        if not is_needed and deadline.left_s > LOOK_S:
            deadline = Deadline.in_(LOOK_S, deadline.limit)
        if not is_needed and self._n_ctx is not None:
            return Card(self._wanted)
        try:
            return await self.look(wire, deadline)
        except TryFailed:
            if self._card is None and is_needed:
                raise
            if self._card is not None:
                self._looked_at = time.monotonic()  # what was known is good enough for as long again
            return self._card or Card(self._wanted)

    async def _chat(
        self, wire: Wire, payload: Mapping[str, Any], asked: Asked, deadline: Deadline, toll: Toll
    ) -> AsyncGenerator[GenerationEvent, None]:
        reply, is_whole, may_be_billed = Reply(asked.sampling.max_new_tokens), False, True
        await toll.enter(payload)
        try:
            async with (
                wire.chat(payload, deadline) as received,
                contextlib.aclosing(self._texts(wire, received, reply)) as texts,
            ):
                async for text in texts:
                    if text:
                        yield Delta(text)
            reply.check()
            is_whole = True
        except TryFailed as failure:
            may_be_billed = failure.may_be_billed
            raise
        except NoText as none:
            is_whole = True
            raise self._failures.no_text(str(none)) from None
        finally:
            await toll.leave(reply.credible_usage if is_whole else None, may_be_billed=may_be_billed)
        yield self._finished(reply, asked)

    async def _texts(self, wire: Wire, received: Received, reply: Reply) -> AsyncGenerator[str, None]:
        """The answer's pieces of text, to its end. Raises TryFailed and NoText."""
        try:
            if "event-stream" in received.content_type:
                async with contextlib.aclosing(self._streamed(received, reply)) as texts:
                    async for text in texts:
                        yield text
            elif "json" in received.content_type:
                body = await wire.whole(received.chunks)
                yield reply.whole(body.decode("utf-8", "replace"))
            else:
                raise Broken(f"{received.content_type or 'a body of no type'} in place of an event stream")
        except Broken as broken:
            raise self._failures.broken(str(broken)) from None
        except LineTooLong:
            raise self._failures.broken("an event too large to be one") from None
        except ErrorTold as told:
            raise self._failures.told(str(told)) from None

    async def _streamed(self, received: Received, reply: Reply) -> AsyncGenerator[str, None]:
        reader, is_open = EventReader(), True
        async with contextlib.aclosing(received.chunks) as chunks:
            while is_open:
                chunk = await self._next(chunks, reply)
                is_open = chunk is not None
                for data in reader.finish() if chunk is None else reader.push(chunk):
                    if data.strip() == "[DONE]":
                        reply.done()
                        return
                    yield reply.piece(data)
        if not reply.is_complete:
            raise self._failures.cut()

    async def _next(self, chunks: AsyncGenerator[bytes, None], reply: Reply) -> bytes | None:
        """More of a body, None at its end. Once the answer is whole, what else may come is not worth much
        waiting, nor an error."""
        try:
            async with asyncio.timeout(LAST_WORDS_S if reply.is_complete else None):
                return await anext(chunks, None)
        except (TimeoutError, TryFailed):
            if reply.is_complete:
                return None
            raise

    async def _generate(self, wire: Wire, asked: Asked, deadline: Deadline) -> str:
        """The answer of a server that speaks the contract's `POST /generate`. It costs nothing."""
        url = f"{self._address.root}/generate"
        self._speaks_generate = False
        try:
            text = generated_text(await wire.post(url, generate_payload(asked), deadline))
        except Broken as broken:
            raise self._failures.broken(str(broken)) from None
        except NoText as none:
            raise self._failures.no_text(str(none)) from None
        self._speaks_generate = True
        return text

    def _finished(self, reply: Reply, asked: Asked) -> Finished:
        usage = reply.credible_usage
        if usage:
            self._estimate.learn(asked.messages, usage.n_prompt)
        told = usage or Usage(self._estimate.count(asked.messages), reply.n_deltas)
        adapter = self._adapter(reply)
        if reply.reason != "error":
            return Finished(reply.reason, told, adapter=adapter)
        error = f"{self._role.title} at {self._address.api} ended the answer early ({reply.finish})."
        return Finished("error", told, error, adapter)

    def _adapter(self, reply: Reply) -> str:
        """The adapter that answered, where the server lists it as a model beside its base."""
        return reply.model if self._card and reply.model in self._card.adapters else ""
