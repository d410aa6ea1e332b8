"""The money of one paid answer: reserved before every try of it, settled after."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from aion.answer.paid.prices import Price
from aion.errors import AionError
from aion.store.budget_state import BudgetState
from aion.types import Usage

_logger = logging.getLogger(__name__)
T = TypeVar("T")


class Purse(Protocol):
    """What a budget does for a call (aion.store.budget.Budget). It waits for the disk."""

    def reserve(self, tenant: str, micros: int, tag: str) -> int: ...

    def settle(self, reservation: int, micros: int) -> None: ...

    def release(self, reservation: int) -> None: ...

    def state(self, tenant: str) -> BudgetState: ...


@dataclass(slots=True)
class Sent:
    """What left the machine for one answer and what it cost, true at every moment of it and after any end:
    `payload` is the last body sent, masked where it was, None when nothing was; `cost_micros` are those of
    all tries; `n_masked` pieces of personal data stand masked in it."""

    model: str = ""
    payload: Mapping[str, Any] | None = None
    cost_micros: int = 0
    n_tries: int = 0
    n_masked: int = 0
    usage: Usage = field(default_factory=lambda: Usage(0, 0))


class PaidTries:
    """The toll of one paid answer. Every try has its own reservation, so that one made again is paid for
    twice at most when there is money for both. What may have been billed and was not told costs the most it
    can; what cannot have been billed costs nothing."""

    def __init__(self, purse: Purse, price: Price, tenant: str, tag: str, sent: Sent) -> None:
        self._purse = purse
        self._price = price
        self._tenant = tenant
        self._tag = tag
        self._sent = sent
        self._reservation = 0
        self._worst = 0

    async def enter(self, payload: Mapping[str, Any]) -> None:
        """Reserve the most this try can cost. Raises OverBudget and StoreError: then nothing is sent."""
        max_new_tokens = payload.get("max_completion_tokens") or payload["max_tokens"]
        self._worst = self._price.worst_micros(payload["messages"], max_new_tokens)
        work = asyncio.get_running_loop().run_in_executor(
            None, self._purse.reserve, self._tenant, self._worst, self._tag
        )
        try:
            self._reservation = await asyncio.shield(work)
        except asyncio.CancelledError:  # the client went away; the thread may still reserve
            await asyncio.shield(asyncio.ensure_future(self._give_back(work)))
            raise
        self._sent.payload = payload
        self._sent.n_tries += 1

    async def leave(self, usage: Usage | None, *, may_be_billed: bool) -> None:
        """Settle the try. Where that cannot be written its reservation stands, at the most it can cost."""
        if usage is None and not may_be_billed:
            await self._end(lambda: self._purse.release(self._reservation))
            return
        micros = self._worst if usage is None else self._price.micros(usage)
        self._sent.cost_micros += micros
        await self._end(lambda: self._purse.settle(self._reservation, micros))

    async def _give_back(self, reserving: asyncio.Future[int]) -> None:
        """End a reservation that nobody waits for. A second cancellation does not reach this."""
        with contextlib.suppress(AionError):
            reservation = await reserving
            await self._end(lambda: self._purse.release(reservation))

    async def _end(self, write: Callable[[], None]) -> None:
        """Write to the end, also when the task is being cancelled. A future of the thread and no task of it:
        where the service stops, all tasks are cancelled, those that have not begun too."""
        try:
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, write))
        except AionError as error:
            _logger.warning("What a paid answer cost could not be written: %s", error)
