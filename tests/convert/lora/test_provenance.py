"""An adapter names what it was trained on: another model of the same shapes is refused, or doubted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aion.convert.lora import convert_lora
from aion.errors import CheckpointError
from tests.convert.lora.tuned import Tiny, tune
from tests.convert.tiny import write_json


def say(adapter: Path, base: str) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    write_json(adapter / "adapter_config.json", config | {"base_model_name_or_path": base})


@pytest.fixture
def adapter(tmp_path: Path, llama: Tiny) -> Path:
    tune(llama, tmp_path / "adapter", target_modules=["q_proj"])
    return tmp_path / "adapter"


def test_a_base_of_this_machine_is_compared(adapter: Path, llama: Tiny, split: Tiny) -> None:
    say(adapter, str(llama.folder))
    assert convert_lora(adapter, llama.gguf, adapter / "a.gguf").warnings == ()
    say(adapter, str(split.folder))
    with pytest.raises(CheckpointError, match=r"was trained on .* is another model .*; name the base"):
        convert_lora(adapter, llama.gguf, adapter / "b.gguf")
    assert not (adapter / "b.gguf").exists()


@pytest.mark.parametrize(
    ("says", "is_doubted"),
    [
        ("org/tiny", False), ("org/Tiny-bnb-4bit", False), ("C:\\models\\tiny\\", False), ("", False),
        ("mistralai/Mistral-7B-Instruct-v0.3", True), ("/elsewhere/checkpoint-100", True),
    ],
)  # fmt: skip
def test_a_name_that_differs_is_doubted(adapter: Path, llama: Tiny, says: str, is_doubted: bool) -> None:
    say(adapter, says)
    warnings = convert_lora(adapter, llama.gguf, adapter / "a.gguf").warnings
    assert [says in warning and "calls itself tiny" in warning for warning in warnings] == [True] * is_doubted
