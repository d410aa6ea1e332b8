from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

from aion.server.services import open_services
from tests.server.live import Live, live, settings_in

STRANGER = {"X-Forwarded-For": "203.0.113.7"}


def test_the_contract_keys_are_there(sintra: Live) -> None:
    health = sintra.http.get("/health").json()
    assert health["base_model"] == sintra.services.generator.model_name
    assert health["adapter_loaded"] is False


def test_a_stand_in_model_is_named_with_the_remedy(sintra: Live) -> None:
    health = sintra.http.get("/health").json()
    assert health["embedded_model"] is True
    assert "`aion pull mistralai/Mistral-7B-Instruct-v0.3`" in health["notice"]
    assert "AION_BASE_MODEL" in health["notice"]


def test_strangers_see_that_a_model_stands_in_but_not_where_files_lie(sintra: Live) -> None:
    seen = sintra.http.get("/health", headers=STRANGER).json()
    assert (seen["embedded_model"], seen["configured_model"]) == (True, "mistralai/Mistral-7B-Instruct-v0.3")
    assert "notice" not in seen
    with live(dataclasses.replace(sintra.services, is_embedded_model=False)) as own:
        seen = own.http.get("/health", headers=STRANGER).json()
    assert (seen["embedded_model"], "configured_model" in seen) == (False, False)


def test_an_operator_sees_what_is_loaded_and_running(sintra: Live) -> None:
    health = sintra.http.get("/health").json()
    assert health["status"] == "ok"
    assert (health["n_documents"], health["n_running"], health["n_waiting"]) == (22, 0, 0)
    assert health["n_ctx"] == sintra.services.engine.n_ctx
    assert health["embedder"] == sintra.services.library.embedder.name
    assert health["version"]


def test_without_a_watched_folder_there_is_none(sintra: Live) -> None:
    assert sintra.http.get("/health").json()["watch"] is None


def test_a_store_that_cannot_be_read_is_told_and_no_reason_to_restart(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with open_services(settings) as services, live(services) as running:
        with sqlite3.connect(settings.db) as other:
            other.execute("DROP TABLE documents")
        answer = running.http.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")
        assert "documents" in answer.json()["notice"]
