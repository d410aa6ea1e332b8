from __future__ import annotations

from pathlib import Path

import pytest

from aion.convert import Checkpoint, convert
from aion.convert.architectures.registry import architecture_of, names_of
from aion.errors import CheckpointError
from tests.convert.tiny import CONFIG, write_json


@pytest.mark.parametrize(
    ("name", "gguf_name"),
    [
        ("MistralForCausalLM", "llama"), ("LlamaForCausalLM", "llama"), ("Qwen2ForCausalLM", "qwen2"),
        ("Qwen3ForCausalLM", "qwen3"), ("Phi3ForCausalLM", "phi3"), ("MistralModel", "llama"),
        ("LlamaModel", "llama"), ("Qwen2Model", "qwen2"), ("Qwen3Model", "qwen3"), ("Phi3Model", "phi3"),
    ],
)  # fmt: skip
def test_a_class_has_its_architecture_and_its_table(folder: Path, name: str, gguf_name: str) -> None:
    head_dim = 32 if name.startswith("Qwen3") else None
    write_json(folder / "config.json", CONFIG | {"architectures": [name], "head_dim": head_dim})
    found = architecture_of(Checkpoint(folder))
    assert found.names == names_of(gguf_name)
    assert found.names.gguf == gguf_name


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("MixtralForCausalLM", "'MixtralForCausalLM', a mixture of experts"),
        ("Qwen2MoeForCausalLM", "'Qwen2MoeForCausalLM', a mixture of experts"),
        ("Qwen3MoeForCausalLM", "'Qwen3MoeForCausalLM', a mixture of experts"),
        ("PhiMoEForCausalLM", "'PhiMoEForCausalLM', a mixture of experts"),
        ("Mistral3ForConditionalGeneration", "'Mistral3ForConditionalGeneration', a model of more than text"),
        ("Phi3VForCausalLM", "'Phi3VForCausalLM', a model of more than text"),
        ("Phi4MMForCausalLM", "'Phi4MMForCausalLM', a model of more than text"),
        ("Qwen2ForSequenceClassification", "'Qwen2ForSequenceClassification', a model with another head"),
        ("MinistralForCausalLM", "'MinistralForCausalLM'; known are MistralForCausalLM"),
        ("Phi3SmallForCausalLM", "'Phi3SmallForCausalLM'; known are"),
    ],
)
def test_other_classes_are_refused_by_name(folder: Path, name: str, what: str) -> None:
    write_json(folder / "config.json", CONFIG | {"architectures": [name]})
    with pytest.raises(CheckpointError) as raised:
        architecture_of(Checkpoint(folder))
    assert what in raised.value.message


def test_an_unknown_gguf_is_refused_by_name() -> None:
    with pytest.raises(CheckpointError, match="architecture 'mamba' is unknown here; known are llama, qwen2"):
        names_of("mamba")


@pytest.mark.parametrize("method", ["gptq", "awq", "bitsandbytes", "fp8"])
def test_quantised_weights_are_refused_with_the_remedy(tmp_path: Path, folder: Path, method: str) -> None:
    write_json(folder / "config.json", CONFIG | {"quantization_config": {"quant_method": method}})
    with pytest.raises(
        CheckpointError, match=f"of the method '{method}'.*convert the model it was made from"
    ):
        convert(folder, tmp_path / "m.gguf")
    write_json(folder / "config.json", CONFIG | {"quantization_config": None})
    assert convert(folder, tmp_path / "m.gguf").exists()
