"""`aion budget` as a person types it."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest

from aion.store.budget import Budget
from aion.store.budget_state import Limits
from aion.store.connection import Store
from tests.cli.conftest import Run

WIDE = Limits(10**9, 10**9, 10**6, 10**6)
DAY_S = 86_400
# Where it is about noon now: no day or month ends while a test runs.
HOURS_WEST = datetime.now(UTC).hour - 12
ZONE = timezone(timedelta(hours=-HOURS_WEST))


@pytest.fixture
def at_noon(aion: Run) -> Run:
    """`aion budget ...` at noon, local time."""
    return partial(aion, "budget", TZ=f"NOON{HOURS_WEST}")


def spend(path: Path, *costs: int, ahead_s: float = 0, tag: str = "rag-answer") -> None:
    with Store(path) as store:
        opened = Budget(store, WIDE, clock=lambda: time.time() + ahead_s, zone=ZONE)
        for cost in costs:
            opened.settle(opened.reserve("default", cost + 1, tag), cost)


def test_help_names_the_options(at_noon: Run) -> None:
    done = at_noon("--help")
    assert (done.code, done.err) == (0, "")
    words = ["--calls", "--limit", "--mend-clock", "--json", "--db", "--tenant", "AION_FALLBACK=on"]
    assert [word for word in words if word not in done.out] == []


def test_an_unspent_budget_says_that_the_fallback_is_off_and_how_to_turn_it_on(at_noon: Run) -> None:
    done = at_noon("--calls")
    assert (done.code, done.err) == (0, "")
    assert re.search(r"today +░+ +0\.00 +1\.00 +1\.00 +0 of 50", done.out)
    assert re.search(r"month +░+ +0\.00 +10\.00 +10\.00 +0 of 500", done.out)
    assert "The paid fallback is off: nothing leaves this machine and nothing is spent." in done.out
    for setting in ("AION_FALLBACK=on", "_API_KEY=", "_MODEL=", "AION_FALLBACK_PRICES=MODEL=IN/OUT"):
        assert setting in done.out
    assert "No paid calls yet." in done.out


def test_what_was_spent_is_shown_with_its_calls(at_noon: Run, tmp_path: Path) -> None:
    spend(tmp_path / "aion.db", 250_000, 250_000, 1, tag="[bold]x")
    with Store(tmp_path / "aion.db") as store:
        Budget(store, WIDE, zone=ZONE).reserve("default", 100_000, "rag-answer")
    done = at_noon("--calls", "--limit", "2", AION_FALLBACK="on", AION_FALLBACK_MODEL="gpt-x")
    assert re.search(r"today +█{7}▒{2}░{3} +0\.500001 +0\.399999 +1\.00 +4 of 50", done.out)
    assert "Calls under way: 1, with 0.10 set aside." in done.out
    assert "The paid fallback is on and cannot be used yet; set AION_FALLBACK_API_KEY=..." in done.out
    rows = done.out.partition("number")[2].splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["4", "3"]
    assert re.search(r"\[bold\]x +0\.000001 +0\.000002 +settled", rows[1])


def test_json_is_what_the_service_answers_and_the_calls_where_asked_for(at_noon: Run, tmp_path: Path) -> None:
    spend(tmp_path / "aion.db", 250_000)
    whole = json.loads(at_noon("--json", AION_BUDGET_DAY="0.3").out)
    assert (whole["day"]["spent"], whole["day"]["left"], whole["day"]["limit"]) == (0.25, 0.05, 0.3)
    assert "calls" not in whole
    (call,) = json.loads(at_noon("--json", "--calls").out)["calls"]
    assert (call["tag"], call["cost"], call["reserved"], call["state"]) == (
        "rag-answer", 0.25, 0.250001, "settled",
    )  # fmt: skip


def test_calls_that_never_told_their_cost_are_pointed_out(at_noon: Run, tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        Budget(store, WIDE, clock=lambda: time.time() - 1000, zone=ZONE).reserve(
            "default", 70_000, "rag-answer"
        )
    done = at_noon("--calls")
    assert "never told what they cost: 1, at most 0.07 in all." in done.out
    assert re.search(r"rag-answer +0\.07 +expired", done.out)


def test_a_clock_that_was_ahead_is_pointed_out_and_mended(at_noon: Run, tmp_path: Path) -> None:
    spend(tmp_path / "aion.db", 250_000, ahead_s=400 * DAY_S)
    assert "Was the clock wrong then? Run aion budget --mend-clock." in at_noon().out
    done = at_noon("--mend-clock")
    assert done.err == "Calls dated as of today: 1.\n"
    assert "--mend-clock" not in done.out
    assert re.search(r"today +█+░+ +0\.25 +0\.75", done.out)


def test_a_budget_that_is_no_number_is_named(at_noon: Run) -> None:
    done = at_noon(AION_BUDGET_DAY="um euro")
    assert (done.code, done.out) == (1, "")
    assert done.err == "aion: AION_BUDGET_DAY='um euro' cannot be used: Input should be a valid decimal.\n"
