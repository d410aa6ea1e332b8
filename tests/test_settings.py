from __future__ import annotations

import os
from pathlib import Path

import pytest

from aion.errors import SettingsError
from aion.settings import DEFAULT_BASE_MODEL, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without `.env` and an environment without AION's names."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith("AION_") or name == "PRIMARY_TENANT_ID":
            monkeypatch.delenv(name)


def test_defaults_are_the_contracts() -> None:
    settings = load_settings()
    assert settings.base_model == DEFAULT_BASE_MODEL == "mistralai/Mistral-7B-Instruct-v0.3"
    assert (settings.host, settings.port, settings.load_in_4bit) == ("0.0.0.0", 8008, True)
    assert (settings.max_new_tokens, settings.temperature, settings.top_p) == (512, 0.6, 0.9)
    assert (settings.tau_confidence, settings.tenant, settings.db) == (0.62, "default", Path("aion.db"))
    assert "AION" in settings.system_prompt


def test_keywords_win_over_environment_over_env_file_over_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().port == 8008
    Path(".env").write_text("AION_PORT=1\nAION_SYSTEM_PROMPT=Olá, Sintra\nOTHER=1\n", encoding="utf-8")
    assert (load_settings().port, load_settings().system_prompt) == (1, "Olá, Sintra")
    monkeypatch.setenv("AION_PORT", "2")
    assert load_settings().port == 2
    assert load_settings(port=3).port == 3
    assert load_settings(port=None).port == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AION_PORT", "65536"), ("AION_PORT", "abc"), ("AION_TAU_CONFIDENCE", "1.5"), ("AION_TOP_P", "0"),
        ("AION_CTX", "1"), ("AION_QUEUE", "0"), ("AION_ALLOW_ANONYMOUS", "maybe"),
        ("AION_TEMPERATURE", "nan"), ("AION_KV_TYPE", "q4_0"), ("AION_FLASH_ATTENTION", "yes"),
        ("AION_PARALLEL", "-1"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.param == name
    assert caught.value.message.startswith(f"{name}={value!r} cannot be used")
    assert "\n" not in caught.value.message


def test_a_bad_keyword_is_named_like_its_setting() -> None:
    with pytest.raises(SettingsError, match="AION_PORT=-1 cannot be used"):
        load_settings(port=-1)


def test_the_tenant_is_primary_tenant_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIMARY_TENANT_ID", "sintra")
    assert load_settings().tenant == "sintra"
    assert load_settings(tenant="lisboa").tenant == "lisboa"
    monkeypatch.setenv("PRIMARY_TENANT_ID", "")
    with pytest.raises(SettingsError, match="PRIMARY_TENANT_ID=''"):
        load_settings()


def test_a_foreign_variable_is_no_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANT", "of-another-program")
    assert load_settings().tenant == "default"


def test_an_empty_embedder_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AION_EMBED_MODEL", "")
    assert load_settings().embed_model is None


def test_what_the_operator_left_open_is_chosen_later() -> None:
    settings = load_settings()
    assert (settings.parallel, settings.gpu_layers, settings.threads) == (0, -1, 0)
    assert (settings.kv_type, settings.flash_attention, settings.mmap) == ("f16", "auto", True)
