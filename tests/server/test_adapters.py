"""Adapters over HTTP on a live server: the contract's two routes, `/v1/adapters`, a choice a request."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import httpx
import numpy as np
import pytest

from aion.convert.gguf_file import GgufFile
from aion.engine.catalog import CHAT_FILE, embedded_file
from aion.server.access.tokens import add_key
from aion.server.adapters.control import AdapterControl
from aion.server.services import open_services
from aion.store.events import Events
from aion.store.keys import Keys
from tests.convert.tiny import write_json, write_safetensors
from tests.server.described import check
from tests.server.live import Live, live, settings_in, wait_until

RANK = 4


def write_peft(folder: Path, seed: int, strength: float = 0.3) -> Path:
    """A PEFT folder for the embedded chat model, as a trainer leaves it."""
    base = GgufFile(embedded_file(CHAT_FILE, Path("models"))).tensors
    rng = np.random.default_rng(seed)
    tensors: dict[str, Any] = {}
    for kind, module in (("attn_q", "self_attn.q_proj"), ("ffn_down", "mlp.down_proj")):
        n_out, n_in = base[f"blk.0.{kind}.weight"].shape
        prefix = f"base_model.model.model.layers.0.{module}"
        tensors[f"{prefix}.lora_A.weight"] = rng.normal(size=(RANK, n_in)).astype("<f4")
        tensors[f"{prefix}.lora_B.weight"] = strength * rng.normal(size=(n_out, RANK)).astype("<f4")
    folder.mkdir(parents=True, exist_ok=True)
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": RANK, "target_modules": ["q_proj", "down_proj"]}
    write_json(folder / "adapter_config.json", config | {"base_model_name_or_path": "aion-nano"})
    write_safetensors(folder / "adapter_model.safetensors", tensors)
    return folder


def text_of(server: Live, adapter: object = None) -> str:
    body = {"prompt": "Quanto custa o tour?", "temperature": 0, "max_new_tokens": 12, "adapter": adapter}
    response = server.post("/generate", body)
    assert response.status_code == 200, response.text
    return str(response.json()["text"])


def new_key(server: Live) -> str:
    """The token of a key that may chat."""
    return str(add_key(Keys(server.services.library.store), "chats", ("chat",), ("default",))[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    """A server whose AION_ADAPTER_DIR is tmp_path/adapter, a fresh PEFT folder."""
    write_peft(tmp_path / "adapter", 1)
    with open_services(settings_in(tmp_path)) as services, live(services) as running:
        yield running


def test_the_adapter_of_the_settings_is_converted_and_loaded_at_start(server: Live, tmp_path: Path) -> None:
    health = server.http.get("/health").json()
    assert (health["adapter_loaded"], health["adapters"]) == (True, ["default"])
    assert (tmp_path / "adapter" / "adapter.gguf").exists()
    assert text_of(server) == text_of(server, "default") != text_of(server, "none")


def test_an_unloadable_adapter_is_a_warning_and_the_base_serves(tmp_path: Path) -> None:
    write_peft(tmp_path / "adapter", 1, strength=0.0)
    with open_services(settings_in(tmp_path)) as services, live(services) as running:
        health = running.http.get("/health").json()
        assert health["adapter_loaded"] is False
        assert "changes no logit" in health["notice"]
        running.assert_answers()


def test_reload_takes_a_newer_training(server: Live, tmp_path: Path) -> None:
    before = text_of(server)
    write_peft(tmp_path / "adapter", 2)
    later = (tmp_path / "adapter" / "adapter.gguf").stat().st_mtime + 10
    os.utime(tmp_path / "adapter" / "adapter_model.safetensors", (later, later))
    response = server.http.post("/adapter/reload")
    assert (response.status_code, check(response, "post", "/adapter/reload")["ok"]) == (200, True)
    assert text_of(server) != before
    assert server.http.get("/v1/adapters").json()["data"][0]["effect"] > 0.1


def test_a_failed_reload_says_why_and_the_former_serves_on(server: Live, tmp_path: Path) -> None:
    before = text_of(server)
    reply = server.post("/adapter/reload", {"path": str(tmp_path / "absent")}).json()
    assert reply == {
        "ok": False,
        "error": f"The adapter {tmp_path}/absent does not exist; train one, or name another path.",
    }
    model = shutil.copy(embedded_file(CHAT_FILE, Path("models")), tmp_path / "model.gguf")
    reply = server.post("/adapter/reload", {"path": str(model)}).json()
    assert reply["ok"] is False
    assert "is a GGUF, but no adapter" in reply["error"]
    assert text_of(server) == before


def test_what_llama_cpp_would_die_of_is_refused(server: Live, tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "embedding.gguf", "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    n_vocab, n_embd = GgufFile(embedded_file(CHAT_FILE, Path("models"))).tensors["token_embd.weight"].shape
    writer.add_tensor("token_embd.weight.lora_a", np.ones((n_vocab, RANK), np.float32))
    writer.add_tensor("token_embd.weight.lora_b", np.ones((n_embd, RANK), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reply = server.post("/adapter/reload", {"path": str(tmp_path / "embedding.gguf")}).json()
    assert reply["ok"] is False
    assert "changes the embedding" in reply["error"]
    server.assert_answers()


def test_merge_keeps_the_effect_and_reload_brings_the_base_back(server: Live) -> None:
    plain, adapted = text_of(server, "none"), text_of(server)
    reply = server.http.post("/adapter/merge").json()
    assert reply["ok"] is True
    assert Path(reply["model"]).is_file()
    health = server.http.get("/health").json()
    assert (health["adapter_loaded"], health["adapter_merged"]) == (False, "default")
    assert text_of(server)[:12] == adapted[:12] != plain[:12]
    again = server.http.post("/adapter/merge").json()
    assert (again["ok"], "is merged into the model" in again["error"]) == (False, True)
    assert server.http.post("/adapter/reload").json()["ok"] is True
    assert (text_of(server), text_of(server, "none")) == (adapted, plain)


def test_a_merged_adapter_is_named_and_its_name_still_works(server: Live, tmp_path: Path) -> None:
    (tmp_path / "tour.md").write_text("# Tour\n\nO tour half-day dura quatro horas e custa 55 €.\n")
    server.services.library.ingester.ingest([tmp_path / "tour.md"], "default")
    assert server.http.post("/adapter/merge").json()["ok"] is True
    answer = server.post("/api/ai/chat", {"message": "Quanto custa o tour half-day?", "tau": 0})
    assert (answer.json()["adapter"], answer.headers["x-aion-adapter"]) == ("default (merged)",) * 2
    assert text_of(server, "default") == text_of(server)
    wait_until(lambda: server.services.serving.n_retired == 0, "the former model to be freed")


def test_a_merge_that_would_lose_something_is_refused(server: Live, tmp_path: Path) -> None:
    write_peft(tmp_path / "tone", 3)
    server.post("/v1/adapters", {"name": "tone", "path": str(tmp_path / "tone")})
    reply = server.http.post("/adapter/merge").json()
    assert (reply["ok"], "(tone); unload them first" in reply["error"]) == (False, True)
    server.http.delete("/v1/adapters/tone")
    (tmp_path / "adapter" / "adapter.gguf").write_bytes(b"another training")
    reply = server.http.post("/adapter/merge").json()
    assert (reply["ok"], "has changed since it was loaded" in reply["error"]) == (False, True)


def test_a_merge_is_made_once_for_one_base_and_adapter(server: Live, tmp_path: Path) -> None:
    control = server.services.adapters
    [adapter] = control.adapters.current()
    first = control._merged_name(adapter)
    base = tmp_path / "other" / "aion-nano.gguf"
    base.parent.mkdir()
    base.write_bytes(embedded_file(CHAT_FILE, Path("models")).read_bytes())
    other = AdapterControl(server.services.serving, base, tmp_path, tmp_path, control._load_model)
    assert other._merged_name(adapter) != first == control._merged_name(adapter)
    server.http.post("/adapter/merge")
    stale = tmp_path / "models" / f"merged-{'0' * 16}-aion-nano.gguf"
    stale.write_bytes(b"")
    server.http.post("/adapter/reload")
    server.http.post("/adapter/merge")
    assert [path.name for path in (tmp_path / "models").glob("merged-*")] == [first]


def test_a_former_training_put_back_is_taken(server: Live, tmp_path: Path) -> None:
    before = text_of(server)
    shutil.copytree(tmp_path / "adapter", tmp_path / "former")
    write_peft(tmp_path / "adapter", 2)
    server.http.post("/adapter/reload")
    assert text_of(server) != before
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy2(tmp_path / "former" / name, tmp_path / "adapter" / name)
    assert server.http.post("/adapter/reload").json()["ok"] is True
    assert text_of(server) == before


def test_one_change_at_a_time(server: Live) -> None:
    with server.services.adapters._change():
        for path in ("/adapter/reload", "/adapter/merge"):
            reply = server.http.post(path).json()
            assert (reply["ok"], "is under way" in reply["error"]) == (False, True)
        server.assert_answers()
    assert server.http.post("/adapter/reload").json()["ok"] is True


def test_what_the_machine_refuses_is_a_sentence(server: Live, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where a folder should be")
    reply = server.http.post("/adapter/merge").json()
    assert reply["ok"] is False
    assert reply["error"].startswith("The adapters stay as they are: ")
    server.assert_answers()


def test_adapters_come_and_go_by_name(server: Live, tmp_path: Path) -> None:
    write_peft(tmp_path / "tone", 3)
    added = server.post("/v1/adapters", {"name": "tone", "path": str(tmp_path / "tone")})
    assert (added.status_code, check(added, "post", "/v1/adapters")["id"]) == (201, "tone")
    listed = check(server.http.get("/v1/adapters"), "get", "/v1/adapters")["data"]
    assert [(a["id"], a["default"]) for a in listed] == [("default", True), ("tone", False)]
    both = text_of(server, [{"name": "default"}, {"name": "tone", "scale": 0.5}])
    assert len({both, text_of(server), text_of(server, "tone")}) == 3
    assert {Path(each["path"]).is_absolute() for each in listed} == {True}
    headers = {"X-API-Key": new_key(server)}
    seen = server.http.get("/v1/adapters", headers=headers).json()["data"]
    assert seen == [each | {"path": Path(each["path"]).name} for each in listed]
    Keys(server.services.library.store).revoke("chats")
    assert server.http.delete("/v1/adapters/tone").status_code == 204
    refused = server.http.delete("/v1/adapters/tone")
    assert refused.status_code == 404
    assert refused.json()["error"]["message"] == (
        "adapter 'tone' is not loaded (loaded: default); POST /v1/adapters loads one."
    )


def test_what_cannot_be_added_is_the_callers_mistake(server: Live, tmp_path: Path) -> None:
    missing = server.post("/v1/adapters", {"name": "x", "path": str(tmp_path / "absent")})
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "path")
    base = server.services.generator.model_name
    taken = server.post("/v1/adapters", {"name": base, "path": str(tmp_path / "adapter")})
    assert (taken.status_code, taken.json()["error"]["param"]) == (400, "name")


def test_a_named_adapter_that_is_not_there_is_said(tmp_path: Path) -> None:
    with open_services(settings_in(tmp_path)) as services:
        assert f"The adapter {tmp_path}/adapter does not exist" in services.notice


@pytest.mark.parametrize("name", ["", "none", "a/b", "ç", "x" * 65])
def test_a_bad_name_is_refused(server: Live, tmp_path: Path, name: str) -> None:
    response = server.post("/v1/adapters", {"name": name, "path": str(tmp_path / "adapter")})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "name")


def test_openai_clients_name_an_adapter_as_a_model(server: Live) -> None:
    ids = [m["id"] for m in server.http.get("/v1/models").json()["data"]]
    assert ids[1:] == ["default", "aion-rag"]
    body = {"messages": [{"role": "user", "content": "Oi"}], "temperature": 0, "max_tokens": 8}
    texts = []
    for more in ({"model": "default"}, {"adapter": "none"}, {"adapter": {"name": "default", "scale": 1.0}}):
        reply = server.post("/v1/chat/completions", body | more).json()
        texts.append((reply["model"], reply["choices"][0]["message"]["content"]))
    assert texts[0] == texts[2] != texts[1]
    assert [model for model, _ in texts] == ["default", ids[0], "default"]


def test_an_answer_says_under_which_adapter_it_was_made(server: Live, tmp_path: Path) -> None:
    (tmp_path / "tour.md").write_text("# Tour\n\nO tour half-day dura quatro horas e custa 55 €.\n")
    server.services.library.ingester.ingest([tmp_path / "tour.md"], "default")
    asked = {"message": "Quanto custa o tour half-day?", "tau": 0}
    answer = server.post("/api/ai/chat", asked)
    assert (answer.json()["adapter"], answer.headers["x-aion-adapter"]) == ("default", "default")
    answer = server.post("/api/ai/chat", asked | {"adapter": {"name": "default", "scale": 0.5}})
    assert answer.json()["adapter"] == "default:0.5"
    unknown = server.post("/api/ai/chat", asked | {"adapter": "x"})
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (400, "adapter")


def test_a_swap_under_load_drops_no_stream(server: Live, tmp_path: Path) -> None:
    write_peft(tmp_path / "next", 5)
    ends: list[str] = []

    def stream(seed: int) -> None:
        body = {
            "messages": [{"role": "user", "content": "Oi"}],
            "stream": True,
            "seed": seed,
            "max_tokens": 60,
        }
        with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body, timeout=60) as response:
            lines = [line[6:] for line in response.iter_lines() if line.startswith("data: ")]
        assert lines[-1] == "[DONE]"
        ends.append(json.loads(lines[-2])["choices"][0]["finish_reason"])

    threads = [threading.Thread(target=stream, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for path in ("next", "adapter", "next"):
        assert server.post("/adapter/reload", {"path": str(tmp_path / path)}).json()["ok"] is True
    for thread in threads:
        thread.join()
    assert len(ends) == 8
    assert set(ends) <= {"length", "stop"}
    server.assert_answers()


def test_a_change_is_given_up_at_shutdown(server: Live, tmp_path: Path) -> None:
    control = server.services.adapters
    control.close()
    reply = server.http.post("/adapter/merge").json()
    assert (reply["ok"], "is shutting down" in reply["error"]) == (False, True)
    assert not (tmp_path / "models").exists() or not list((tmp_path / "models").iterdir())


def test_each_change_is_on_record(server: Live, tmp_path: Path) -> None:
    write_peft(tmp_path / "adapter", 2)
    path = str(write_peft(tmp_path / "tone", 3))
    server.post("/adapter/reload", {})
    server.post("/v1/adapters", {"name": "tone", "path": path})
    server.post("/v1/adapters", {"name": "bad", "path": "/nowhere"})
    server.http.delete("/v1/adapters/tone")
    server.post("/adapter/merge", {})
    events = Events(server.services.library.store)
    wait_until(lambda: bool(events.list("default", "adapter.merged")), "the merge to be on record")
    told = [(event.kind.removeprefix("adapter."), event.meta["name"]) for event in events.all("default")]
    assert told == [
        ("loaded", "default"), ("reloaded", "default"), ("loaded", "tone"), ("removed", "tone"),
        ("merged", "default"),
    ]  # fmt: skip
    loaded, *_, merged = events.all("default")
    assert loaded.meta["path"] == str(tmp_path / "adapter" / "adapter.gguf")
    assert len(str(loaded.meta["sha256"])) == 64
    assert Path(str(merged.meta["model"])).exists()
