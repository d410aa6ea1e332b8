"""The paid fallback against a real server and a real budget: what it sends, what it costs, how it fails."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path

import pytest

from aion.answer.paid.fallback import Fallback, Refusal
from aion.errors import FallbackFailed, OverBudget
from aion.remote.breaker import Breaker
from aion.store.budget_state import Limits
from aion.types import Delta, Usage
from tests.answer.paying import AMPLE, MESSAGES, MODEL, PRICE, SAMPLING, WORST, Paying, paying
from tests.remote.asking import run
from tests.remote.stand_in import (
    Behaviour,
    StandIn,
    chunk,
    closed_port,
    drop,
    end,
    events,
    json_body,
    says,
    stalls,
    status,
)
from tests.server.live import wait_until

TOLD = PRICE.micros(Usage(11, 2))


def test_an_answer_costs_what_was_told(stand_in: StandIn, tmp_path: Path) -> None:
    with paying(stand_in, tmp_path) as paid:
        text, answer = run(paid.ask())
        assert (text, answer.model, answer.usage) == ("Olá mundo", MODEL, Usage(11, 2))
        assert (answer.cost_micros, paid.spent) == (TOLD, (TOLD, 0, 1, 0))


def test_the_payload_is_exactly_what_left(stand_in: StandIn, tmp_path: Path) -> None:
    with paying(stand_in, tmp_path) as paid:
        _, answer = run(paid.ask())
    assert answer.payload == stand_in.completions[0].body
    assert answer.payload["messages"] == [{"role": m.role, "content": m.content} for m in MESSAGES]
    assert [a.path for a in stand_in.asked] == ["/v1/chat/completions"]
    json.dumps(answer.payload)


COSTS_NOTHING: dict[str, Behaviour] = {
    "not let in": status(401),
    "busy": status(429),
    "wrong": status(400, {"error": {"message": "bad"}}),
    "moved": status(302, None, location="http://elsewhere.example"),
    "loading": status(503),
}


@pytest.mark.parametrize("name", COSTS_NOTHING)
def test_what_was_surely_not_billed_costs_nothing(stand_in: StandIn, tmp_path: Path, name: str) -> None:
    stand_in.then(COSTS_NOTHING[name])
    with paying(stand_in, tmp_path) as paid:
        with pytest.raises(FallbackFailed) as caught:
            run(paid.ask())
        assert (caught.value.is_billed, paid.spent, paid.sent.cost_micros) == (False, (0, 0, 0, 0), 0)
        assert paid.sent.payload == stand_in.completions[-1].body


def test_a_server_that_is_not_there_costs_nothing(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.url = closed_port()
    with paying(stand_in, tmp_path) as paid:
        with pytest.raises(FallbackFailed, match="AION_FALLBACK_BASE_URL"):
            run(paid.ask())
        assert (paid.spent, paid.sent.n_tries) == ((0, 0, 0, 0), 3)


MAY_BE_BILLED: dict[str, tuple[Behaviour, int]] = {
    "cut": (events(chunk("a"), end_body=False), 1),
    "cut early": (events(end_body=False), 1),
    "html": (status(200, "<html>"), 1),
    "no choices": (json_body({"hello": 1}), 1),
    "an error in the stream": (events({"error": {"message": "oops"}}), 1),
    "nothing said": (events(chunk(""), end(), "[DONE]"), 1),
    "500 three times": (status(500), 3),
    "dropped three times": (drop, 3),
}


@pytest.mark.parametrize("name", MAY_BE_BILLED)
def test_what_may_have_been_billed_costs_the_most_it_can(
    stand_in: StandIn, tmp_path: Path, name: str
) -> None:
    behaviour, n_tries = MAY_BE_BILLED[name]
    stand_in.then(behaviour)
    with paying(stand_in, tmp_path) as paid:
        with pytest.raises(FallbackFailed) as caught:
            run(paid.ask())
        assert caught.value.is_billed
        assert (paid.sent.cost_micros, paid.sent.n_tries) == (n_tries * WORST, n_tries)
        assert paid.spent == (n_tries * WORST, 0, n_tries, 0)


@pytest.mark.parametrize("behaviour", [stalls(), stalls(chunk("a"))])
def test_a_time_out_costs_the_most_it_can(stand_in: StandIn, tmp_path: Path, behaviour: Behaviour) -> None:
    stand_in.then(behaviour)
    with paying(stand_in, tmp_path, timeout_s=0.3) as paid:
        with pytest.raises(FallbackFailed, match="AION_FALLBACK_TIMEOUT_S"):
            run(paid.ask())
        assert paid.spent == (WORST, 0, 1, 0)


def test_a_try_made_again_is_paid_for_again(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.then(status(500), status(429), says("Sim."))
    with paying(stand_in, tmp_path) as paid:
        _, answer = run(paid.ask())
        assert answer.cost_micros == WORST + TOLD
        assert (paid.sent.n_tries, paid.spent) == (3, (WORST + TOLD, 0, 2, 0))


def test_a_try_there_is_no_money_for_is_not_made(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.then(status(500), says("nunca"))
    limits = Limits(WORST + WORST // 2, 10 * WORST, 10, 10)
    with paying(stand_in, tmp_path, limits) as paid:
        with pytest.raises(FallbackFailed, match=r"failed \(500\)"):
            run(paid.ask())
        assert (len(stand_in.completions), paid.spent) == (1, (WORST, 0, 1, 0))


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        (Limits(WORST - 1, 10**9, 9, 9), "AION_BUDGET_DAY"),
        (Limits(10**9, WORST - 1, 9, 9), "AION_BUDGET_MONTH"),
        (Limits(10**9, 10**9, 0, 9), "AION_BUDGET_DAY_CALLS"),
    ],
)
def test_over_the_budget_nothing_is_sent(
    stand_in: StandIn, tmp_path: Path, limits: Limits, setting: str
) -> None:
    with paying(stand_in, tmp_path, limits) as paid:
        with pytest.raises(OverBudget, match=setting):
            run(paid.ask())
        assert (stand_in.asked, paid.sent.payload, paid.spent) == ([], None, (0, 0, 0, 0))


@pytest.mark.parametrize(("usage", "cost"), [
    (None, WORST),
    ({"prompt_tokens": "many"}, WORST),
    ({"prompt_tokens": 0, "completion_tokens": 0}, WORST),
    ({"prompt_tokens": -5, "completion_tokens": 3}, WORST),
    ({"prompt_tokens": 10**6, "completion_tokens": 10**6}, 2_500_000),
    ({"prompt_tokens": 10**9, "completion_tokens": 10**9}, 2_500_000_000),
    ({"prompt_tokens": 10**30, "completion_tokens": 1}, WORST),
])  # fmt: skip
def test_usage_is_recorded_as_told_or_at_the_worst(
    stand_in: StandIn, tmp_path: Path, usage: object, cost: int
) -> None:
    stand_in.then(says("Sim.", usage=usage))
    with paying(stand_in, tmp_path) as paid:
        _, answer = run(paid.ask())
        assert (answer.cost_micros, paid.spent) == (cost, (cost, 0, 1, 0))


def test_what_was_overdrawn_by_a_lie_stops_the_next(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.then(says("Sim.", usage={"prompt_tokens": 10**8, "completion_tokens": 1}))
    with paying(stand_in, tmp_path) as paid:
        run(paid.ask())
        refusal = run(paid.fallback.refusal("default"))
        assert refusal
        assert (refusal.reason, "AION_BUDGET_DAY" in refusal.sentence) == ("over_budget", True)
        with pytest.raises(OverBudget):
            run(paid.ask())


def test_a_client_that_leaves_pays_the_most_it_can(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.then(stalls(chunk("Custa")))

    async def leave(paid: Paying) -> None:
        stream = paid.fallback.stream("default", MESSAGES, SAMPLING, sent=paid.sent)
        async with aclosing(stream):
            assert await anext(stream) == Delta("Custa")
        await asyncio.to_thread(wait_until, lambda: stand_in.n_left == 1, "the connection to be closed")

    with paying(stand_in, tmp_path) as paid:
        run(leave(paid))
        assert paid.spent == (WORST, 0, 1, 0)
        assert (paid.sent.cost_micros, paid.sent.payload) == (WORST, stand_in.completions[0].body)


def test_one_that_is_cancelled_while_it_waits_does_too(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.then(stalls())

    async def leave(paid: Paying) -> None:
        task = asyncio.ensure_future(paid.ask())
        await asyncio.to_thread(wait_until, lambda: bool(stand_in.completions), "the request")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with paying(stand_in, tmp_path) as paid:
        run(leave(paid))
        assert paid.spent == (WORST, 0, 1, 0)


@pytest.mark.parametrize("n_times", [1, 2])
def test_one_that_is_cancelled_while_it_reserves_leaves_nothing(
    stand_in: StandIn, tmp_path: Path, n_times: int
) -> None:
    with paying(stand_in, tmp_path) as paid:

        async def leave() -> None:
            with paid.budget._store.write():  # the reservation waits for this transaction
                task = asyncio.ensure_future(paid.ask())
                await asyncio.sleep(0.05)
                for _ in range(n_times):
                    task.cancel()
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(wait_until, is_released, "the reservation to be given back")

        def is_released() -> bool:
            return [call.state for call in paid.budget.calls("default")] == ["released"]

        run(leave())
        assert (stand_in.asked, paid.spent) == ([], (0, 0, 0, 0))


def test_a_service_that_stops_settles_what_it_had_asked(stand_in: StandIn, tmp_path: Path) -> None:
    """It cancels what still runs and, a moment later, every task there is: whichever moment that is."""
    stand_in.then(stalls())

    async def stop(paid: Paying, n_steps: int, n_asked: int) -> None:
        task = asyncio.ensure_future(paid.ask())
        await asyncio.to_thread(wait_until, lambda: len(stand_in.completions) > n_asked, "the request")
        task.cancel()
        for _ in range(n_steps):
            await asyncio.sleep(0)

    with paying(stand_in, tmp_path) as paid:
        for n_steps in range(12):
            run(stop(paid, n_steps, n_steps))
        assert paid.spent == (12 * WORST, 0, 12, 0)


def test_a_model_without_a_price_is_never_asked(stand_in: StandIn, tmp_path: Path) -> None:
    with paying(stand_in, tmp_path, prices={"another": PRICE}) as paid:
        refusal = run(paid.fallback.refusal("default"))
        assert refusal
        assert refusal.reason == "fallback_error"
        with pytest.raises(FallbackFailed, match=f"AION_FALLBACK_PRICES has no price for .*{MODEL}"):
            run(paid.ask())
    assert stand_in.asked == []


def test_one_that_is_off_says_so_and_asks_nobody(stand_in: StandIn, tmp_path: Path) -> None:
    with paying(stand_in, tmp_path) as paid:
        paid.fallback = Fallback(None, paid.budget, {})
        assert run(paid.fallback.refusal("default")) == Refusal(
            "fallback_off", "The paid fallback is off; AION_FALLBACK=on allows it."
        )
        with pytest.raises(FallbackFailed, match="AION_FALLBACK=on"):
            run(paid.ask())
    assert (stand_in.asked, paid.fallback.model_name) == ([], "")


def test_what_is_known_beforehand_is_said_beforehand(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.then(status(500))
    breaker = Breaker("The paid API", n_failures=1)
    with paying(stand_in, tmp_path, breaker=breaker) as paid:
        assert run(paid.fallback.refusal("default")) is None
        with pytest.raises(FallbackFailed):
            run(paid.ask())
        refusal = run(paid.fallback.refusal("default"))
        assert refusal
        assert (refusal.reason, "not asked again for" in refusal.sentence) == ("fallback_error", True)
        spent = paid.spent
        with pytest.raises(FallbackFailed, match="not asked again"):
            run(paid.ask())
        assert paid.spent == spent
    with paying(stand_in, tmp_path, Limits(0, 0, 0, 0)) as poor:
        refusal = run(poor.fallback.refusal("default"))
        assert refusal
        assert refusal.reason == "over_budget"


def test_money_is_each_tenants_own(stand_in: StandIn, tmp_path: Path) -> None:
    with paying(stand_in, tmp_path, AMPLE) as paid:
        run(paid.ask())
        assert paid.budget.state("another").day.total.spent_micros == 0
