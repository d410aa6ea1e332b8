from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from aion.server.money import missing, open_budget
from aion.store.budget import RELEASE_AFTER_S
from aion.store.connection import Store
from tests.server.live import Live, settings_in
from tests.store.spending import Clock


def test_the_budget_is_told_while_the_fallback_is_off(sintra: Live) -> None:
    answer = sintra.http.get("/api/budget")
    told = answer.json()
    assert (answer.status_code, told["fallback"], told["model"]) == (200, "off", "")
    assert told["missing"][0] == "AION_FALLBACK=on"
    assert (told["day"]["limit"], told["month"]["limit"], told["day"]["limit_calls"]) == (1.0, 10.0, 50)
    assert told["clock_behind"] is False


def test_what_a_call_reserves_and_costs_is_told(desk: Live) -> None:
    settings, store = desk.services.settings, desk.services.library.store
    opened = open_budget(settings, store)
    opened.settle(opened.reserve(settings.tenant, 300_000, "rag-answer"), 123_456)
    opened.reserve("another tenant", 400_000, "rag-answer")
    reservation = opened.reserve(settings.tenant, 100_000, "rag-answer")
    day = desk.http.get("/api/budget").json()["day"]
    opened.release(reservation)
    assert (day["spent"], day["reserved"], day["left"]) == (0.123456, 0.1, 0.776544)
    assert (day["calls"], day["open_calls"], day["left_calls"]) == (2, 1, 48)
    assert datetime.fromisoformat(day["renews_at"]).tzinfo is not None
    assert desk.http.get("/api/budget").json()["month"]["left"] == 9.876544


def test_the_budget_of_a_tenant_nobody_knows_is_not_ours(sintra: Live) -> None:
    own = sintra.services.settings.tenant
    assert sintra.http.get("/api/budget", params={"tenant": own}).status_code == 200
    answer = sintra.http.get("/api/budget", params={"tenant": "zzz"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (404, "tenant")


def test_another_method_is_refused(sintra: Live) -> None:
    assert sintra.post("/api/budget", {}).status_code == 405


def test_decimals_of_the_settings_reach_the_budget_whole(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, budget_day="0.29", budget_month="0.000001", budget_day_calls=3)
    with Store(settings.db) as store:
        state = open_budget(settings, store).state("t")
    assert settings.budget_day == Decimal("0.29")
    assert (state.day.limit_micros, state.month.limit_micros) == (290_000, 1)
    assert (state.day.limit_calls, state.month.limit_calls) == (3, 500)


@pytest.mark.parametrize(
    ("timeout_s", "age_s"), [(60.0, RELEASE_AFTER_S), (600.0, 1200.0), (86400.0, 172800.0)]
)
def test_a_call_that_may_still_run_is_not_taken_for_dead(
    tmp_path: Path, timeout_s: float, age_s: float
) -> None:
    settings = settings_in(tmp_path, fallback_timeout_s=timeout_s)
    with Store(settings.db) as store:
        opened = open_budget(settings, store, clock := Clock())
        opened.reserve("t", 100, "")
        clock.now += age_s - 1
        assert opened.state("t").n_expired == 0
        clock.now += 1
        assert opened.state("t").n_expired == 1


def test_what_is_missing_is_named_until_all_is_set(tmp_path: Path) -> None:
    assert missing(settings_in(tmp_path)) == (
        "AION_FALLBACK=on", "AION_FALLBACK_API_KEY=...", "AION_FALLBACK_MODEL=...",
        "AION_FALLBACK_PRICES=MODEL=IN/OUT",
    )  # fmt: skip
    named = {"fallback": "on", "fallback_model": "gpt-x", "fallback_api_key": "k"}
    assert missing(settings_in(tmp_path, **named)) == ("AION_FALLBACK_PRICES=gpt-x=IN/OUT",)
    assert missing(settings_in(tmp_path, **named, fallback_prices="gpt-y=1/2")) == missing(
        settings_in(tmp_path, **named)
    )
    assert missing(settings_in(tmp_path, **named, fallback_prices="gpt-y=1/2,gpt-x=1/2")) == ()
