"""Settings that change under a running service."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from aion.errors import SettingsError
from aion.server.app import create_app
from aion.server.lifecycle.reload import Reload
from aion.server.services import Services, open_services
from aion.settings import Settings
from tests.server.live import DEADLINE_S, serving_app, settings_in


@dataclass(frozen=True)
class Running:
    app: Starlette
    reload: Reload
    told: list[Settings]
    env: Path
    http: httpx.Client

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.chdir(tmp_path)
    models = Path(__file__).parents[3] / "models"
    settings = settings_in(tmp_path, base_model="", models_dir=models)
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    told: list[Settings] = []
    with open_services(settings) as services:
        app = create_app(services)
        with serving_app(app) as url, httpx.Client(base_url=url, timeout=DEADLINE_S) as http:
            yield Running(app, Reload(app, given, [told.append]), told, tmp_path / ".env", http)


def test_a_new_tau_counts_for_the_next_question(running: Running) -> None:
    (running.env.parent / "tour.md").write_text("# Tour\n\nO tour half-day custa 55 €.\n")
    running.services.library.ingester.ingest([running.env.parent / "tour.md"], "default")
    reasons = {"1": "low_confidence", "0": "confident"}
    for tau, reason in reasons.items():
        running.env.write_text(f"AION_TAU_CONFIDENCE={tau}\nAION_MAX_NEW_TOKENS=8\n")
        change = running.reload.reread()
        assert "tau_confidence" in change.applied
        assert change.waiting == ()
        answer = running.http.post("/api/ai/chat", json={"message": "Quanto custa o tour half-day?"})
        assert answer.json()["reason"] == reason


def test_what_needs_a_restart_stays_and_is_named(running: Running) -> None:
    running.env.write_text("AION_PORT=1234\nAION_RATE_KEY=5\nAION_CTX=512\n")
    change = running.reload.reread()
    assert (change.applied, change.waiting) == (("rate_key",), ("port", "ctx"))
    assert change.sentence == "Changed: AION_RATE_KEY. Waiting for a restart: AION_PORT, AION_CTX."
    settings = running.services.settings
    assert (settings.rate_key, settings.port, settings.ctx) == (5, 8008, 4096)
    assert [each.rate_key for each in running.told] == [5]


@pytest.mark.parametrize(
    "line",
    ["AION_TAU_CONFIDENCE=2", "AION_FALLBACK=on\nAION_FALLBACK_PRICES=dear", "AION_FALLBACK=on\n"
     "AION_FALLBACK_BASE_URL=http://paid.example/v1"],
)  # fmt: skip
def test_a_value_that_cannot_be_used_changes_nothing(
    running: Running, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = running.services
    running.env.write_text(f"AION_TEMPERATURE=0.1\n{line}\n")
    with caplog.at_level(logging.ERROR):
        running.reload.at_signal()
    assert "The settings stay as they were: AION_" in caplog.text
    assert running.services is before
    assert running.told == []


def test_the_fallback_can_be_allowed_and_forbidden(running: Running) -> None:
    assert running.http.get("/api/budget").json()["fallback"] == "off"
    assert running.services.fallback is not None
    spent = running.services.fallback.spent
    running.env.write_text("AION_FALLBACK=on\nAION_FALLBACK_MODEL=gpt-x\nAION_BUDGET_DAY=2.5\n")
    running.reload.reread()
    budget = running.http.get("/api/budget").json()
    assert (budget["fallback"], budget["model"], budget["day"]["limit"]) == ("on", "gpt-x", 2.5)
    assert running.services.fallback.spent is spent
    assert "AION_FALLBACK_API_KEY" in running.http.get("/health").json()["notice"]
    running.env.unlink()
    running.reload.reread()
    assert running.http.get("/api/budget").json()["fallback"] == "off"
    assert "AION_FALLBACK_API_KEY" not in running.http.get("/health").json()["notice"]


def test_a_change_of_the_panel_is_kept_for_the_next_start(running: Running) -> None:
    running.env.write_text("# mine\nAION_TAU_CONFIDENCE=0.3\nOTHER=1")
    change = running.reload.keep("tau_confidence", 0.4)
    assert change.applied == ("tau_confidence",)
    assert running.services.settings.tau_confidence == 0.4
    assert running.env.read_text() == "# mine\nAION_TAU_CONFIDENCE=0.4\nOTHER=1"


def test_what_cannot_be_kept_is_refused(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="AION_TAU_CONFIDENCE=3 cannot be used"):
        running.reload.keep("tau_confidence", 3)
    with pytest.raises(SettingsError, match="AION_CTX cannot be changed while AION serves"):
        running.reload.keep("ctx", 512)
    monkeypatch.setenv("AION_FALLBACK", "on")
    with pytest.raises(SettingsError, match="AION_FALLBACK_PRICES"):  # well-formed, and of no use
        running.reload.keep("fallback_prices", "dear")
    monkeypatch.setenv("AION_TOP_P", "0.5")
    with pytest.raises(SettingsError, match=r"AION_TOP_P is set in the environment, which wins over \.env"):
        running.reload.keep("top_p", 0.7)
    assert not running.env.exists()
