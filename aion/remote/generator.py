"""A model on another server as a `Generator`: one request in, a stream of deltas out, one end.

Tries again only before the first text, and leaves a server that keeps failing alone for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from urllib.parse import urlsplit

from aion.errors import AionError, OutOfTime
from aion.remote.address import read_address
from aion.remote.backoff import Backoff
from aion.remote.breaker import Breaker
from aion.remote.exchange import Exchange
from aion.remote.failure import Failures, TryFailed
from aion.remote.payload import Asked, refuse_unsendable
from aion.remote.role import LOCAL, Role
from aion.remote.tokens import TokenEstimate
from aion.remote.toll import FreeToll, Toll
from aion.remote.wire import Deadline, Wire
from aion.types import (
    AdapterChoice,
    Delta,
    ErrorCause,
    Finished,
    GenerationEvent,
    Message,
    Priority,
    Sampling,
    ToolUse,
    Usage,
)

N_CTX = 4096  # of a server that does not say


class RemoteGenerator:
    """`Generator` over an OpenAI-compatible server, or one that speaks only `POST /generate`.

    Used from one event loop at a time; the properties and `count_tokens` from any thread. What the server
    says of itself is asked for with the first request, or by `look`; until then `model_name` is the address
    and `n_ctx` the one given.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        model: str = "",
        *,
        timeout_s: float = 60.0,
        retries: int = 2,
        n_ctx: int | None = None,
        role: Role = LOCAL,
        breaker: Breaker | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """`model` "" is the server's first; `n_ctx` None is what the server says. Raises SettingsError for a
        `base_url` that is none."""
        self._address = read_address(base_url, role.url)
        self._key = api_key
        self._role = role
        self._timeout_s = timeout_s
        self._backoff = backoff or Backoff(retries)
        self._breaker = breaker or Breaker(f"{role.title} at {self._address.api}")
        self._estimate = TokenEstimate()
        self._failures = Failures(role, self._address, api_key)
        self._exchange = Exchange(role, self._address, self._failures, model, n_ctx, self._estimate)
        self._wire: tuple[asyncio.AbstractEventLoop, Wire] | None = None

    @property
    def model_name(self) -> str:
        return self._exchange.model or urlsplit(self._address.api).netloc

    @property
    def n_ctx(self) -> int:
        return self._exchange.n_ctx or N_CTX

    @property
    def n_ctx_effective(self) -> int:
        return self.n_ctx

    @property
    def refusal(self) -> str:
        """Why the server would not be asked now, "" when it would."""
        return self._breaker.refusal

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An estimate: the tokenizer is elsewhere (aion/remote/tokens.py)."""
        return self._estimate.count(messages)

    async def look(self, timeout_s: float = 5.0) -> None:
        """Ask the server which models it has and how long its context is. Raises AionError."""
        try:
            await self._exchange.look(self._wire_here(), Deadline.in_(timeout_s, self._role.timeout))
        except TryFailed as failure:
            raise failure.error from None

    async def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        adapters: Sequence[AdapterChoice] | None = None,
        *,
        priority: Priority = "interactive",
        timeout_s: float | None = None,
        tools: ToolUse | None = None,
        toll: Toll | None = None,
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Yield deltas, then one Finished. Leaving early, by any road, closes the connection at once.

        Before the first delta it raises EngineFailed, OutOfTime, EngineBusy (the server is), InvalidRequest
        for what cannot be asked of this server, and whatever `toll` raises.

        `priority` is a hint that only AION understands. The shorter of `timeout_s` and the generator's own
        time holds for all tries together.
        """
        refuse_unsendable(self._role, sampling, tools)
        asked = Asked(tuple(messages), sampling, None if adapters is None else tuple(adapters), priority)
        deadline = Deadline.in_(self._timeout_s, self._role.timeout)
        if timeout_s is not None and timeout_s < self._timeout_s:
            deadline = Deadline.in_(timeout_s, "timeout_s")
        with self._breaker.call() as call:
            async with contextlib.aclosing(self._tries(asked, deadline, toll or FreeToll())) as events:
                try:
                    async for event in events:
                        if isinstance(event, Finished):
                            call.succeeded()
                        yield event
                except _GivenUp as end:
                    if end.failure.is_fault:
                        call.failed(end.failure.error.message)
                    if end.usage is None:
                        raise end.failure.error from None
                    yield _failed(end.failure.error, end.usage)

    async def _tries(
        self, asked: Asked, deadline: Deadline, toll: Toll
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Raises _GivenUp after the last try, and what `toll` raises before the first."""
        n_tried, last = 0, None
        while True:
            n_deltas = 0
            try:
                async with contextlib.aclosing(
                    self._exchange.answer(self._wire_here(), asked, deadline, toll)
                ) as events:
                    async for event in events:
                        n_deltas += isinstance(event, Delta)
                        yield event
                return
            except TryFailed as failure:
                if n_deltas:
                    raise _GivenUp(failure, Usage(self.count_tokens(asked.messages), n_deltas)) from None
                last, n_tried = failure, n_tried + (not failure.unwanted)
            except AionError:
                if last is None:
                    raise
                raise _GivenUp(last) from None
            wait_s = self._wait_s(last, n_tried, deadline)
            if wait_s is None:
                raise _GivenUp(last)
            await asyncio.sleep(wait_s)

    def _wait_s(self, failure: TryFailed, n_tried: int, deadline: Deadline) -> float | None:
        if failure.unwanted:
            return 0.0 if self._exchange.dialect.learn(failure.unwanted) else None
        if not failure.is_retryable:
            return None
        return self._backoff.wait_s(n_tried, failure.retry_after_s, deadline.left_s)

    def _wire_here(self) -> Wire:
        """The connections of this event loop; a service has one loop, so the latest are enough."""
        loop = asyncio.get_running_loop()
        if self._wire is None or self._wire[0] is not loop:
            self._wire = (loop, Wire(self._address, self._key, self._failures))
        return self._wire[1]


class _GivenUp(Exception):
    """No further try; `usage` is set when text had gone out."""

    def __init__(self, failure: TryFailed, usage: Usage | None = None) -> None:
        super().__init__(failure.error.message)
        self.failure = failure
        self.usage = usage


def _failed(error: AionError, usage: Usage) -> Finished:
    cause: ErrorCause = "timeout" if isinstance(error, OutOfTime) else "failed"
    return Finished("error", usage, error.message, cause=cause)
