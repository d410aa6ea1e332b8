from __future__ import annotations

import pytest

from aion.convert.architectures.names import Module
from aion.convert.architectures.registry import names_of

FAMILIES = ["llama", "qwen2", "qwen3", "phi3"]


@pytest.mark.parametrize("gguf", FAMILIES)
@pytest.mark.parametrize("prefix", ["", "model."])
def test_every_module_is_found_with_and_without_its_prefix(gguf: str, prefix: str) -> None:
    names = names_of(gguf)
    for path, kind in names.layer.items():
        assert names.find(f"{prefix}layers.17.{path}") == Module(f"blk.17.{kind}", kind, 17)
    for path, kind in names.top.items():
        assert names.find(f"{prefix}{path}") == Module(kind, kind, None)
    assert names.find("lm_head") == Module("output", "output", None)


@pytest.mark.parametrize("gguf", FAMILIES)
@pytest.mark.parametrize(
    "module",
    [
        "",
        "layers",
        "layers.x.self_attn.o_proj",
        "model.layers.1.self_attn",
        "model.lm_head",
        "model.layers.1",
    ],
)
def test_what_is_no_module_is_not_found(gguf: str, module: str) -> None:
    assert names_of(gguf).find(module) is None


def test_only_llama_turns_rows() -> None:
    assert names_of("llama").rotated == {"attn_q", "attn_k"}
    assert not any(names_of(gguf).rotated for gguf in ("qwen2", "qwen3", "phi3"))


def test_fused_modules_of_phi3_have_one_kind() -> None:
    found = names_of("phi3")
    assert found.find("model.layers.0.self_attn.qkv_proj") == Module("blk.0.attn_qkv", "attn_qkv", 0)
    assert found.find("model.layers.0.mlp.gate_up_proj") == Module("blk.0.ffn_up", "ffn_up", 0)
    assert found.find("model.layers.0.self_attn.q_proj") is None
