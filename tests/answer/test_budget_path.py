"""The whole way of a paid answer, with a real HTTP server as the paid side that fails in every way: neither
money nor calls are overdrawn."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.answer.paid.fallback import Fallback, PaidAnswer
from aion.answer.paid.prices import Price
from aion.errors import FallbackFailed, OverBudget
from aion.remote.backoff import Backoff
from aion.remote.breaker import Breaker
from aion.remote.generator import RemoteGenerator
from aion.remote.role import PAID
from aion.store.budget import Budget
from aion.store.connection import Store
from aion.types import Message, Sampling, Usage
from tests.remote.stand_in import (
    Behaviour,
    Line,
    StandIn,
    chunk,
    drop,
    end,
    events,
    json_body,
    says,
    stalls,
    standing_in,
    status,
)  # fmt: skip
from tests.store.spending import AGE_S, WIDE, Clock, budget, day

N_REQUESTS = 50
PRICE = Price(Decimal(50), Decimal(200))
MESSAGES = (Message("user", "Quanto custa o tour full-day em Sintra?"),)
MAX_NEW_TOKENS = 20
LIMITS = day(300_000, calls=25)

Manner = Literal["patient", "leaves", "cancels"]
Answer = Literal["whole", "unmetered", "cut", "dropped", "stalled", "lie", "error", "busy", "refused"]
BILLED = {"whole", "unmetered", "cut", "dropped", "stalled", "lie", "error"}


@dataclass
class Provider:
    """The paid side. It bills what it read and wrote, never more than it was asked for."""

    billed: int = 0
    n_billed: int = 0

    def answers(self, how: Answer, n_tokens: int) -> Behaviour:
        async def behave(line: Line) -> None:
            usage = Usage(len(line.asked.data) // 10, n_tokens)
            if how in BILLED:
                self.billed += PRICE.micros(usage)
                self.n_billed += 1
            await self._behaviour(how, usage)(line)

        return behave

    def _behaviour(self, how: Answer, usage: Usage) -> Behaviour:
        metered = {"prompt_tokens": usage.n_prompt, "completion_tokens": usage.n_completion}
        known: dict[Answer, Behaviour] = {
            "whole": says("O tour ", "custa 95 €.", usage=metered),
            "unmetered": events(chunk("Custa 95 €."), end(), "[DONE]"),
            "cut": events(chunk("O tour "), end_body=False),
            "dropped": drop,
            "stalled": stalls(chunk("O ")),
            "lie": json_body({"usage": {"prompt_tokens": -5, "completion_tokens": "many"}}),
            "error": status(500, {"error": {"message": "out of order"}}),
            "busy": status(429, {"error": {"message": "slow down"}}),
            "refused": status(401, {"error": {"message": "who are you"}}),
        }
        return known[how]


HOW: tuple[Answer, ...] = (
    "whole", "whole", "unmetered", "cut", "dropped", "stalled", "lie", "error", "busy", "refused",
)  # fmt: skip
ANSWERS = st.tuples(st.sampled_from(HOW), st.integers(1, MAX_NEW_TOKENS))
MANNERS: st.SearchStrategy[Manner] = st.sampled_from(["patient", "patient", "leaves", "cancels"])


@dataclass
class Client:
    """One who asks: waits to the end, leaves at the first words, or goes away while waiting for them."""

    manner: Manner
    ended: list[str] = field(default_factory=list)

    async def ask(self, fallback: Fallback) -> None:
        try:
            async with contextlib.aclosing(
                fallback.stream("t", MESSAGES, Sampling(max_new_tokens=MAX_NEW_TOKENS))
            ) as pieces:
                async for piece in pieces:
                    if isinstance(piece, PaidAnswer):
                        self.ended.append("answered")
                    elif self.manner == "leaves":
                        self.ended.append("left")
                        return
        except (OverBudget, FallbackFailed) as error:
            self.ended.append(type(error).__name__)


async def ask_at_once(fallback: Fallback, clients: list[Client]) -> None:
    """All together; those who cancel do so one after the other while the rest is under way."""
    tasks = [asyncio.create_task(client.ask(fallback)) for client in clients]
    for client, task in zip(clients, tasks, strict=True):
        if client.manner == "cancels":
            await asyncio.sleep(0.002)
            client.ended += [] if task.done() else ["cancelled"]
            task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert outcome is None or isinstance(outcome, asyncio.CancelledError)


def paid_side(url: str, opened: Budget, timeout_s: float = 1.0) -> Fallback:
    generator = RemoteGenerator(
        f"{url}/v1", "key", "stand-in", timeout_s=timeout_s, n_ctx=8192, role=PAID,
        breaker=Breaker("The paid API", n_failures=10**6), backoff=Backoff(2, draw=lambda _low, _high: 0.0),
    )  # fmt: skip
    return Fallback(generator, opened, {"stand-in": PRICE}, redact=False)


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with standing_in() as running:
        yield running


@given(
    answers=st.lists(ANSWERS, min_size=2 * N_REQUESTS, max_size=2 * N_REQUESTS),
    manners=st.lists(MANNERS, min_size=N_REQUESTS, max_size=N_REQUESTS),
)
@settings(max_examples=4, deadline=None)
def test_fifty_at_once_overdraw_neither_money_nor_calls(
    tmp_path_factory: pytest.TempPathFactory,
    server: StandIn,
    answers: list[tuple[Answer, int]],
    manners: list[Manner],
) -> None:
    provider, clients = Provider(), [Client(manner) for manner in manners]
    server.asked.clear()
    server.then(*(provider.answers(how, n_tokens) for how, n_tokens in answers))
    with Store(tmp_path_factory.mktemp("path") / "aion.db") as store:
        asyncio.run(ask_at_once(paid_side(server.url, budget(store, LIMITS)), clients))
        total = budget(store, LIMITS).state("t").day.total
    assert all(len(client.ended) == 1 for client in clients)
    assert total.reserved_micros == total.n_open == 0
    assert provider.billed <= total.spent_micros <= LIMITS.day_micros
    assert provider.n_billed <= total.n_calls <= LIMITS.day_calls


_PROGRAM = """
import asyncio, sys
from pathlib import Path
from aion.store.connection import Store
from tests.answer.test_budget_path import Client, paid_side
from tests.store.spending import budget
with Store(Path(sys.argv[1])) as store:
    asyncio.run(Client("patient").ask(paid_side(sys.argv[2], budget(store), timeout_s=600)))
"""


def test_a_process_killed_in_a_paid_call_leaves_its_reservation(tmp_path: Path, server: StandIn) -> None:
    server.asked.clear()
    server.then(stalls(chunk("O tour ")))
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path / "aion.db"), server.url]
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) as process:
        while not server.completions and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    clock = Clock()
    with Store(tmp_path / "aion.db") as store:
        opened = budget(store, WIDE, clock)
        total = opened.state("t").day.total
        assert (total.n_open, total.n_calls, total.reserved_micros > 0) == (1, 1, True)
        clock.now += AGE_S
        state = opened.state("t")
    assert (state.n_expired, state.expired_micros) == (1, total.reserved_micros)
    assert (state.day.left_micros, state.day.total.n_calls) == (WIDE.day_micros, 1)
