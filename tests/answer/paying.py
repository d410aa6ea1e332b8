"""A paid side for tests: a real server, a real budget in a file, and the fallback between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import aclosing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from aion.answer.paid.fallback import Fallback, PaidAnswer
from aion.answer.paid.prices import Price
from aion.answer.paid.tries import Sent
from aion.remote.backoff import Backoff
from aion.remote.generator import RemoteGenerator
from aion.remote.role import PAID
from aion.store.budget import Budget
from aion.store.budget_state import Limits
from aion.store.connection import Store
from aion.types import Delta, Message, Sampling
from tests.remote.stand_in import StandIn

MODEL = "big-model"
PRICE = Price(Decimal("0.50"), Decimal("2.00"))  # micros a token, in and out
MESSAGES = (Message("system", "Responda."), Message("user", "Quanto custa o tour?"))
SAMPLING = Sampling(temperature=0.5, top_p=0.9, max_new_tokens=100)
AMPLE = Limits(10_000_000, 100_000_000, 1000, 10_000)
WORST = PRICE.worst_micros([{"role": m.role, "content": m.content} for m in MESSAGES], 100)


@dataclasses.dataclass
class Paying:
    """The parts, and one question asked with them."""

    server: StandIn
    budget: Budget
    fallback: Fallback
    sent: Sent = dataclasses.field(default_factory=Sent)

    async def ask(self, messages: tuple[Message, ...] = MESSAGES) -> tuple[str, PaidAnswer]:
        """The text and the end; there is exactly one, and it is last."""
        self.sent = Sent()
        async with aclosing(self.fallback.stream("default", messages, SAMPLING, sent=self.sent)) as stream:
            events = [event async for event in stream]
        *deltas, end = events
        assert isinstance(end, PaidAnswer)
        return "".join(delta.text for delta in deltas if isinstance(delta, Delta)), end

    @property
    def spent(self) -> tuple[int, int, int, int]:
        """(micros spent, micros reserved, calls counted, calls open) today."""
        day = self.budget.state("default").day.total
        return day.spent_micros, day.reserved_micros, day.n_calls, day.n_open


@contextmanager
def paying(
    server: StandIn,
    folder: Path,
    limits: Limits = AMPLE,
    prices: Mapping[str, Price] | None = None,
    **more: Any,
) -> Iterator[Paying]:
    options: dict[str, Any] = {"timeout_s": 30.0, "backoff": Backoff(2, first_s=0.0), "n_ctx": 128_000} | more
    redact = options.pop("redact", False)
    generator = RemoteGenerator(server.url, "sk-paid", MODEL, role=PAID, **options)
    with Store(folder / "paid.db") as store:
        budget = Budget(store, limits)
        known = {MODEL: PRICE} if prices is None else prices
        yield Paying(server, budget, Fallback(generator, budget, known, redact=redact))
