"""llama.cpp on the base and the converted adapter against PEFT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aion.convert.lora import AdapterType, convert_lora
from tests.convert.llama import loaded
from tests.convert.lora.tuned import (
    ATTENTION,
    IDS,
    LINEAR,
    Tiny,
    adapter_tensors,
    as_mlx,
    rewrite,
    tune,
)
from tests.convert.oracle import kl


def served(base: Tiny, adapter: Path, file_type: AdapterType = "f32") -> NDArray[np.float64]:
    out = convert_lora(adapter, base.gguf, adapter.parent / "adapter.gguf", file_type).path
    with loaded(base.gguf) as model:
        found = model.logits(IDS, out)
        assert kl(model.logits(IDS), found) > 1e-2
    return found


@pytest.mark.parametrize(
    "lora",
    [
        {"target_modules": LINEAR},
        {"target_modules": LINEAR, "use_rslora": True},
        {
            "target_modules": ATTENTION,
            "rank_pattern": {"q_proj": 4, "1.self_attn.o_proj": 12},
            "alpha_pattern": {"k_proj": 40, "^model.layers.0.self_attn.v_proj": 3},
        },
        {"target_modules": ATTENTION, "use_rslora": True, "rank_pattern": {"v_proj": 3}},
        {"target_modules": ["q_proj", "down_proj"], "layers_to_transform": [1]},
        {"target_modules": ["embed_tokens", "q_proj"]},
        {"target_modules": ["lm_head"]},
        {"target_modules": ["embed_tokens", "lm_head", "o_proj"], "rank_pattern": {"lm_head": 2}},
    ],
    ids=["plain", "rslora", "patterns", "rslora-patterns", "layers", "embedding", "head", "tables"],
)
def test_logits_are_those_of_peft(tmp_path: Path, llama: Tiny, lora: dict[str, Any]) -> None:
    wanted = tune(llama, tmp_path / "adapter", **lora)
    assert kl(wanted, served(llama, tmp_path / "adapter")) < 1e-5


def test_a_tied_base_with_biases(tmp_path: Path, tied: Tiny) -> None:
    wanted = tune(tied, tmp_path / "adapter", target_modules=LINEAR, r=4)
    assert kl(wanted, served(tied, tmp_path / "adapter")) < 1e-5


def test_fused_modules_of_a_fused_base(tmp_path: Path, fused: Tiny) -> None:
    wanted = tune(fused, tmp_path / "adapter", target_modules=["qkv_proj", "gate_up_proj", "o_proj"])
    assert kl(wanted, served(fused, tmp_path / "adapter")) < 1e-5


@pytest.mark.parametrize(
    "lora",
    [
        {"target_modules": LINEAR, "rank_pattern": {"k_proj": 3}, "use_rslora": True},
        {"target_modules": ["q_proj", "v_proj", "up_proj"], "alpha_pattern": {"v_proj": 5}},
    ],
)
def test_split_modules_on_a_fused_base(
    tmp_path: Path, split: Tiny, fused: Tiny, lora: dict[str, Any]
) -> None:
    wanted = tune(split, tmp_path / "adapter", **lora)
    assert kl(wanted, served(fused, tmp_path / "adapter")) < 1e-5


def test_fused_modules_on_a_split_base(tmp_path: Path, split: Tiny, fused: Tiny) -> None:
    wanted = tune(fused, tmp_path / "adapter", target_modules=["qkv_proj", "gate_up_proj", "down_proj"])
    assert kl(wanted, served(split, tmp_path / "adapter")) < 1e-5


@pytest.mark.parametrize(("file_type", "bound"), [("f16", 1e-4), ("q8_0", 1e-2)])
def test_smaller_types_stay_near(tmp_path: Path, llama: Tiny, file_type: AdapterType, bound: float) -> None:
    wanted = tune(llama, tmp_path / "adapter", target_modules=LINEAR, r=32)
    assert kl(wanted, served(llama, tmp_path / "adapter", file_type)) < bound


def test_the_names_of_mlx(tmp_path: Path, llama: Tiny) -> None:
    folder = tmp_path / "adapter"
    wanted = tune(llama, folder, target_modules=[*LINEAR, "embed_tokens", "lm_head"], lora_alpha=20)
    as_mlx(folder, rank=8, scale=2.5)
    assert kl(wanted, served(llama, folder)) < 1e-5


def test_doubled_prefixes_and_names_of_the_adapter(tmp_path: Path, llama: Tiny) -> None:
    folder = tmp_path / "adapter"
    wanted = tune(llama, folder, target_modules=[*LINEAR, "embed_tokens"])
    tensors = {
        f"base_model.model.{name}".replace("_A.w", "_A.default.w").replace("ing_B", "ing_B.default"): tensor
        for name, tensor in adapter_tensors(folder).items()
    }
    rewrite(folder, tensors)
    assert kl(wanted, served(llama, folder)) < 1e-5
