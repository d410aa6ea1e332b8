"""The one way to a paid answer: allowed, priced, within the budget, personal data masked, told afterwards.

Whoever wants a paid model asks this class; nothing else in AION holds a generator that costs money
(aion/server/fallback.py makes the only one). Knows no HTTP and no SQL.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aion.answer.paid.prices import Price
from aion.answer.paid.tries import PaidTries, Purse, Sent
from aion.answer.paid.veil import OpenVeil, PrivacyVeil, Veil
from aion.errors import AionError, FallbackFailed, OverBudget, StoreError
from aion.remote.generator import RemoteGenerator
from aion.types import Delta, Finished, FinishReason, Message, Sampling, Usage

TAG = "rag-answer"
Reason = Literal["fallback_off", "over_budget", "fallback_error"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no paid answer can be had: the reason an answer gives, and a sentence for the operator."""

    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class PaidAnswer:
    """The end of a paid answer. `cost_micros` are those of all tries, `usage` what the API told or else an
    estimate, `payload` the body that was sent last, with `n_masked` pieces of personal data masked in it."""

    model: str
    usage: Usage
    cost_micros: int
    payload: Mapping[str, Any]
    n_masked: int
    reason: FinishReason = "stop"


@dataclass(slots=True)
class Spent:
    """Tries of all answers since the start and what they cost, known or at the most; added to on the event
    loop."""

    n_tries: int = 0
    cost_micros: int = 0

    def add(self, sent: Sent) -> None:
        self.n_tries += sent.n_tries
        self.cost_micros += sent.cost_micros


class Fallback:
    """Asks one paid model. Used from the event loop.

    `problem` says why it never can; with a generator it has a budget and a price as well.
    """

    def __init__(
        self,
        generator: RemoteGenerator | None,
        budget: Purse,
        prices: Mapping[str, Price],
        *,
        redact: bool = True,
        problem: Refusal | None = None,
    ) -> None:
        self._generator = generator
        self._budget = budget
        self._price = prices.get(generator.model_name) if generator else None
        self._redact = redact
        self._problem = problem or self._unpriced()
        self.spent = Spent()

    @property
    def problem(self) -> Refusal | None:
        """Why no paid answer can be had whatever is asked, None when it can."""
        return self._problem

    @property
    def model_name(self) -> str:
        """The paid model, "" when there is none."""
        return self._generator.model_name if self._generator else ""

    @property
    def n_ctx(self) -> int:
        """The most tokens prompt and answer may have together; 0 without a model."""
        return self._generator.n_ctx if self._generator else 0

    @property
    def n_ctx_effective(self) -> int:
        """The longest prompt the model makes good use of; 0 without one."""
        return self._generator.n_ctx_effective if self._generator else 0

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An estimate of a prompt's tokens."""
        return self._generator.count_tokens(messages) if self._generator else 0

    async def refusal(self, tenant: str) -> Refusal | None:
        """Why a paid answer cannot be had now, as far as is known without asking for one; None when it may.

        What a call may cost is reserved by `stream`, which has the last word.
        """
        if self._problem or self._generator is None or self._price is None:
            return self._problem
        if sentence := self._generator.refusal:
            return Refusal("fallback_error", sentence)
        try:
            state = await asyncio.to_thread(self._budget.state, tenant)
        except StoreError as error:
            return Refusal("fallback_error", error.message)
        least = self._price.micros(Usage(1, 1))
        refused = state.refusal(least)
        return Refusal("over_budget", refused[1]) if refused else None

    async def stream(
        self,
        tenant: str,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        tag: str = TAG,
        sent: Sent | None = None,
    ) -> AsyncGenerator[Delta | PaidAnswer, None]:
        """Yield deltas, then exactly one PaidAnswer. Closing it early ends the request and settles it at the
        most it can cost.

        Raises OverBudget before anything was sent; FallbackFailed before the first delta or, where the API
        breaks later, after it. `sent` is filled as it goes, so that what left the machine and what it cost is
        known after every end.
        """
        if self._problem or self._generator is None or self._price is None:
            raise FallbackFailed(self._problem.sentence if self._problem else "There is no paid API.")
        sent = sent or Sent()
        veil: Veil = PrivacyVeil() if self._redact else OpenVeil()
        masked = await asyncio.to_thread(veil.hide, messages)
        sent.model, sent.n_masked = self.model_name, veil.n_masked
        toll = PaidTries(self._budget, self._price, tenant, tag, sent)
        finished = None
        try:
            async with contextlib.aclosing(self._generator.stream(masked, sampling, toll=toll)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        finished = event
                    elif text := veil.restore(event.text):
                        yield Delta(text, event.n_tokens)
        except OverBudget:
            raise
        except AionError as error:
            raise FallbackFailed(error.message, is_billed=sent.cost_micros > 0) from error
        finally:
            self.spent.add(sent)
        assert finished is not None
        if finished.reason in ("error", "abort"):
            raise FallbackFailed(
                finished.error or "The paid API ended the answer early.", is_billed=sent.cost_micros > 0
            )
        sent.usage = finished.usage
        if rest := veil.finish():
            yield Delta(rest, 0)
        yield PaidAnswer(
            sent.model, sent.usage, sent.cost_micros, sent.payload or {}, sent.n_masked, finished.reason
        )

    def _unpriced(self) -> Refusal | None:
        if self._generator is None:
            return Refusal("fallback_off", "The paid fallback is off; AION_FALLBACK=on allows it.")
        if self._price is None:
            name = self._generator.model_name
            return Refusal(
                "fallback_error",
                f"AION_FALLBACK_PRICES has no price for the model {name!r}, so it is never asked; add "
                f"{name}=IN/OUT, money a million tokens.",
            )
        return None
