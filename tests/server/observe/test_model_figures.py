"""Figures of adapters, replaced models and paid answers, counted where they happen."""

from __future__ import annotations

from pathlib import Path

import pytest

from aion.server.services import open_services
from tests.remote.stand_in import says, standing_in, status
from tests.server.live import SINTRA, live, settings_in, wait_until
from tests.server.observe.test_prometheus import Scrape, scrape
from tests.server.test_adapters import write_peft
from tests.server.test_chat import TOUR

USAGE = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}


def _adapters(found: Scrape) -> list[str]:
    (family,) = [family for family in found.families if family.name == "aion_adapter_info"]
    return [sample.labels["adapter"] for sample in family.samples]


def test_adapters_and_merges_are_counted(tmp_path: Path) -> None:
    write_peft(tmp_path / "adapter", 1)
    with open_services(settings_in(tmp_path)) as services, live(services) as running:
        found = scrape(running)
        assert _adapters(found) == ["default"]
        assert found("aion_adapter_changes_total", kind="loaded") == 1
        running.post("/generate", {"prompt": "Olá", "max_new_tokens": 2})
        n_before = scrape(running)("aion_engine_prompt_tokens_total")
        assert running.post("/adapter/reload", {}).json()["ok"]
        assert running.post("/adapter/merge", {}).json()["ok"]
        wait_until(lambda: services.serving.n_retired == 0, "the former model to be freed")
        found = scrape(running)
        assert _adapters(found) == []
        assert found("aion_adapter_changes_total", kind="reloaded") == 1
        assert found("aion_adapter_changes_total", kind="merged") == 1
        assert found("aion_model_swaps_total") == 1
        assert found("aion_engine_prompt_tokens_total") == n_before > 0
        (model,) = [family for family in found.families if family.name == "aion_model_info"]
        assert model.samples[0].labels["merged_adapter"] == "default"


def test_what_paid_answers_cost_is_counted(tmp_path: Path) -> None:
    with standing_in() as api:
        settings = settings_in(
            tmp_path,
            fallback="on",
            fallback_base_url=api.url,
            fallback_api_key="sk-secret",
            fallback_model="stand-in",
            fallback_prices="stand-in=1/2",
            fallback_retries=0,
        )
        with open_services(settings) as services, live(services) as running:
            services.library.ingester.ingest([SINTRA], settings.tenant)
            api.then(says("Custa 95 € [1].", usage=USAGE))
            answer = running.post("/api/ai/chat", {"message": TOUR, "tau": 1}).json()
            api.then(status(500))
            running.post("/api/ai/chat", {"message": TOUR, "tau": 1})
            found, day = scrape(running), running.http.get("/api/budget").json()["day"]
    assert answer["cost"] == pytest.approx(0.00102)
    spent = found("aion_fallback_cost_micros_total")
    assert spent == pytest.approx(1e6 * day["spent"])
    assert spent >= 1020
    assert found("aion_fallback_calls_total") == 2
    assert found("aion_budget_left_micros", tenant="default", period="day") == 1_000_000 - spent
    assert found("aion_answers_total", used="fallback", reason="low_confidence") == 1
    assert found("aion_answers_total", used="local", reason="fallback_error") == 1
    assert found("aion_prompt_tokens_total", route="/api/ai/chat") == 1000
    assert found("aion_answer_stage_seconds_count", stage="fallback") == 2
