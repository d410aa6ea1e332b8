from __future__ import annotations

from tests.server.live import Live


def test_the_contract_keys_are_there(sintra: Live) -> None:
    health = sintra.http.get("/health").json()
    assert health["base_model"] == sintra.services.generator.model_name
    assert health["adapter_loaded"] is False


def test_a_stand_in_model_is_named_with_the_remedy(sintra: Live) -> None:
    health = sintra.http.get("/health").json()
    assert health["embedded_model"] is True
    assert "`aion pull mistralai/Mistral-7B-Instruct-v0.3`" in health["notice"]
    assert "AION_BASE_MODEL" in health["notice"]


def test_an_operator_sees_what_is_loaded_and_running(sintra: Live) -> None:
    health = sintra.http.get("/health").json()
    assert health["status"] == "ok"
    assert (health["n_documents"], health["n_running"], health["n_waiting"]) == (22, 0, 0)
    assert health["n_ctx"] == sintra.services.engine.n_ctx
    assert health["embedder"] == sintra.services.library.embedder.name
    assert health["version"]


def test_without_a_watched_folder_there_is_none(sintra: Live) -> None:
    assert sintra.http.get("/health").json()["watch"] is None
