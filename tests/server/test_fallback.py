"""The one way to the paid side: made in one place, and only as the settings allow."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aion.answer.paid.fallback import Fallback
from aion.errors import FallbackFailed, SettingsError
from aion.server.fallback import open_fallback
from aion.settings import load_settings
from aion.store.budget import Budget
from aion.store.connection import Store
from tests.answer.paying import AMPLE, MESSAGES, SAMPLING
from tests.remote.asking import run
from tests.remote.stand_in import StandIn, standing_in

AION = Path(__file__).parents[2] / "aion"


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture
def budget(tmp_path: Path) -> Iterator[Budget]:
    with Store(tmp_path / "paid.db") as store:
        yield Budget(store, AMPLE)


def opened(budget: Budget, stand_in: StandIn, **changes: object) -> Fallback:
    given: dict[str, object] = {
        "fallback": "on",
        "fallback_base_url": f"{stand_in.url}/v1",
        "fallback_api_key": "sk-paid",
        "fallback_model": "big",
        "fallback_prices": "big=0.15/0.60",
    }
    return open_fallback(load_settings(**(given | changes)), budget)


async def told(fallback: Fallback) -> str:
    """The sentence with which an answer is refused."""
    refusal = await fallback.refusal("default")
    assert refusal is not None
    with pytest.raises(FallbackFailed) as caught:
        await anext(fallback.stream("default", MESSAGES, SAMPLING))
    assert caught.value.message == refusal.sentence
    return f"{refusal.reason}: {refusal.sentence}"


def test_it_is_off_until_it_is_turned_on(budget: Budget, stand_in: StandIn) -> None:
    assert run(told(open_fallback(load_settings(), budget))).startswith("fallback_off: ")
    off = opened(budget, stand_in, fallback="off", fallback_prices="nonsense")
    assert run(told(off)).startswith("fallback_off: ")
    assert stand_in.asked == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fallback_api_key": ""}, "also needs AION_FALLBACK_API_KEY=...."),
        (
            {"fallback_api_key": "", "fallback_model": ""},
            "=... and AION_FALLBACK_MODEL=...",
        ),
        ({"fallback_prices": ""}, "also needs AION_FALLBACK_PRICES=big=IN/OUT."),
        ({"fallback_model": "bigger"}, "also needs AION_FALLBACK_PRICES=bigger=IN/OUT."),
    ],
)
def test_one_that_is_incomplete_says_what_it_needs(
    budget: Budget, stand_in: StandIn, changes: dict[str, object], sentence: str
) -> None:
    said = run(told(opened(budget, stand_in, **changes)))
    assert said.startswith("fallback_error: ")
    assert sentence in said
    assert stand_in.asked == []


UNUSABLE = [
    {"fallback_prices": "big=cheap"},
    {"fallback_base_url": "big.example"},
    {"fallback_base_url": "http://big.example/v1"},
    {"fallback_base_url": "http://8.8.8.8/v1"},
]


@pytest.mark.parametrize("changes", UNUSABLE)
def test_what_cannot_be_read_stops_the_start(
    budget: Budget, stand_in: StandIn, changes: dict[str, object]
) -> None:
    with pytest.raises(SettingsError, match="AION_FALLBACK_"):
        opened(budget, stand_in, **changes)


def test_one_that_is_complete_asks_with_the_key_and_the_model(budget: Budget, stand_in: StandIn) -> None:
    fallback = opened(budget, stand_in)
    assert (fallback.problem, run(fallback.refusal("default"))) == (None, None)

    async def ask() -> None:
        async for _ in fallback.stream("default", MESSAGES, SAMPLING):
            await asyncio.sleep(0)

    run(ask())
    (asked,) = stand_in.asked
    assert (asked.headers["authorization"], asked.body["model"]) == ("Bearer sk-paid", "big")
    assert budget.state("default").day.total.n_calls == 1


def names_in(path: Path) -> set[str]:
    """Every name and attribute that a module mentions."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    return named | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def mentioning(name: str) -> set[str]:
    return {path.relative_to(AION).as_posix() for path in AION.rglob("*.py") if name in names_in(path)}


def test_the_paid_side_is_reached_through_one_place() -> None:
    assert mentioning("fallback_api_key") == {"settings/settings.py", "server/fallback.py", "server/money.py"}
    assert mentioning("PAID") == {"remote/role.py", "server/fallback.py"}
    assert mentioning("RemoteGenerator") <= {
        "remote/generator.py", "answer/paid/fallback.py", "server/fallback.py", "server/local_llm.py",
        "server/upkeep/doctor.py",
    }  # fmt: skip


def test_a_start_does_not_pay_for_the_client() -> None:
    code = "import sys, aion.server.app, aion.server.services; print('openai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
