"""What an adapter cannot carry at run time, and adapters of another base: one sentence, nothing written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aion.convert.lora import convert_lora
from aion.errors import CheckpointError
from tests.convert.lora.tuned import Tiny, adapter_tensors, rewrite, tune

PREFIX = "base_model.model.model.layers"


def refusal(base: Tiny, folder: Path) -> str:
    """The sentence; the same from the GGUF and from the folder but for the base's path."""
    out = folder.parent / "out.gguf"
    said = []
    for path in (base.gguf, base.folder):
        with pytest.raises(CheckpointError) as caught:
            convert_lora(folder, path, out)
        message = caught.value.message.replace(f"--base {path} ", "--base FOLDER_OF_THE_BASE ")
        said.append(message.replace(str(path), "BASE"))
    assert said[0] == said[1]
    assert list(folder.parent.glob("*.gguf")) == []
    return said[0].replace(str(folder), "DIR")


MERGE = "; merge it instead: aion merge --base FOLDER_OF_THE_BASE --adapter DIR --out OUT.gguf"


@pytest.mark.parametrize(
    ("lora", "holds"),
    [
        (
            {"target_modules": ["q_proj", "v_proj"], "use_dora": True},
            "DoRA magnitudes (model.layers.0.self_attn.q_proj, model.layers.0.self_attn.v_proj, "
            "model.layers.1.self_attn.q_proj and 1 more)",
        ),
        (
            {"target_modules": ["q_proj"], "modules_to_save": ["lm_head", "model.norm"]},
            "whole trained tensors (modules_to_save) (lm_head.weight, model.norm.weight)",
        ),
        (
            {"target_modules": ["q_proj"], "trainable_token_indices": [1]},
            "trained tokens (model.embed_tokens)",
        ),
        (
            {"target_modules": ["o_proj"], "lora_bias": True, "layers_to_transform": [0]},
            "trained biases (model.layers.0.self_attn.o_proj.lora_B.bias)",
        ),
    ],
    ids=["dora", "modules_to_save", "tokens", "lora_bias"],
)
def test_what_must_be_merged(tmp_path: Path, llama: Tiny, lora: dict[str, Any], holds: str) -> None:
    tune(llama, tmp_path / "adapter", **lora)
    said = refusal(llama, tmp_path / "adapter")
    assert said == f"DIR holds {holds}, which an adapter cannot carry at run time{MERGE}"


def test_trained_biases(tmp_path: Path, tied: Tiny) -> None:
    tune(tied, tmp_path / "adapter", target_modules=["q_proj"], bias="lora_only")
    said = refusal(tied, tmp_path / "adapter")
    assert (
        "trained biases (model.layers.0.self_attn.q_proj.bias, model.layers.1.self_attn.q_proj.bias)" in said
    )


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_the_one_table_of_a_tied_base(tmp_path: Path, tied: Tiny, target: str) -> None:
    """llama.cpp ends the process on such an embedding, and has no tensor for such an output."""
    tune(tied, tmp_path / "adapter", target_modules=[target, "q_proj"])
    said = refusal(tied, tmp_path / "adapter")
    assert (
        f"a table that is embedding and output at once ({'model.' * (target != 'lm_head')}{target})" in said
    )
    assert said.endswith(MERGE)


@pytest.mark.parametrize("name", ["lm_head.weight", "model.embed_tokens.weight", "lm_head.base_layer.weight"])
def test_a_grown_vocabulary(tmp_path: Path, llama: Tiny, name: str) -> None:
    tune(llama, tmp_path / "adapter", target_modules=["q_proj"])
    tensors = adapter_tensors(tmp_path / "adapter")
    rewrite(tmp_path / "adapter", tensors | {f"base_model.model.{name}": np.zeros((450, 64), "<f4")})
    module = name.removesuffix(".weight").removesuffix(".base_layer")
    said = refusal(llama, tmp_path / "adapter")
    assert f"a grown vocabulary ({module} with 450 tokens where the base has 448)" in said
    assert said.endswith(MERGE)


def test_several_reasons_are_said_at_once(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "adapter", target_modules=["q_proj"], use_dora=True, modules_to_save=["lm_head"])
    said = refusal(llama, tmp_path / "adapter")
    assert "DoRA magnitudes (" in said
    assert "), and whole trained tensors (modules_to_save) (lm_head.weight), which" in said


def test_an_adapter_of_a_wider_base(tmp_path: Path, llama: Tiny, split: Tiny) -> None:
    tune(llama, tmp_path / "adapter", target_modules=["k_proj"])
    said = refusal(split, tmp_path / "adapter")
    assert (
        "changes model.layers.0.self_attn.k_proj as 64 x 64 where BASE has 32 x 64; name the base it" in said
    )
    assert said.endswith("trained on, org/tiny.")


def test_an_adapter_of_a_deeper_base(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "adapter", target_modules=["k_proj"])
    tensors = adapter_tensors(tmp_path / "adapter")
    deeper = {name.replace("layers.1", "layers.40"): tensor for name, tensor in tensors.items()}
    rewrite(tmp_path / "adapter", deeper)
    assert "DIR changes layer 40 where BASE has 2 layers; name" in refusal(llama, tmp_path / "adapter")


def test_modules_that_the_base_does_not_have(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "adapter", target_modules=["k_proj"])
    tensors = adapter_tensors(tmp_path / "adapter")
    rewrite(tmp_path / "adapter", {name.replace("k_proj", "c_attn"): t for name, t in tensors.items()})
    said = refusal(llama, tmp_path / "adapter")
    assert "modules that BASE does not have (model.layers.0.self_attn.c_attn, model.layers.1" in said


@pytest.mark.parametrize("alpha", [0, 1e-60])
def test_an_adapter_without_effect(tmp_path: Path, llama: Tiny, alpha: float) -> None:
    tune(llama, tmp_path / "adapter", target_modules=["k_proj"], lora_alpha=alpha)
    assert "DIR changes nothing" in refusal(llama, tmp_path / "adapter")


def test_a_base_that_is_none(tmp_path: Path, llama: Tiny) -> None:
    adapter, out = tmp_path / "adapter", tmp_path / "out.gguf"
    tune(llama, adapter, target_modules=["k_proj"])
    convert_lora(adapter, llama.gguf, out)
    for base, says in (
        (out, "a GGUF of the type 'adapter', not a model"),
        (tmp_path / "absent.gguf", "cannot be read"),
        (adapter, r"config\.json is missing"),
        (adapter / "adapter_config.json", "not with b'GGUF'"),
    ):
        with pytest.raises(CheckpointError, match=says):
            convert_lora(adapter, base, tmp_path / "new.gguf")
    assert not (tmp_path / "new.gguf").exists()


def test_an_output_that_exists_and_a_type_that_does_not(tmp_path: Path, llama: Tiny) -> None:
    adapter, out = tmp_path / "adapter", tmp_path / "out.gguf"
    tune(llama, adapter, target_modules=["k_proj"])
    out.write_bytes(b"mine")
    with pytest.raises(CheckpointError, match="exists already"):
        convert_lora(adapter, llama.gguf, out)
    assert out.read_bytes() == b"mine"
    assert convert_lora(adapter, llama.gguf, out, overwrite=True).path == out
    with pytest.raises(CheckpointError, match=r"'q4_k_m' is unknown; use one of f32, f16, q8_0"):
        convert_lora(adapter, llama.gguf, tmp_path / "o", "q4_k_m")  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="cannot be written"):
        convert_lora(adapter, llama.gguf, tmp_path / "absent" / "o.gguf")
