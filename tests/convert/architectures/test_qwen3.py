from __future__ import annotations

from pathlib import Path

from aion.convert import Checkpoint
from aion.convert.architectures.qwen3 import Qwen3
from tests.convert.tiny import CONFIG, write_json


def test_queries_and_keys_have_norms_of_a_head_and_no_biases(folder: Path) -> None:
    write_json(folder / "config.json", CONFIG | {"architectures": ["Qwen3ForCausalLM"]})
    plans = {plan.name: plan for plan in Qwen3(Checkpoint(folder)).tensors()}
    assert plans["blk.1.attn_q_norm.weight"].shape == plans["blk.1.attn_k_norm.weight"].shape == (32,)
    assert plans["blk.1.attn_k_norm.weight"].source == "model.layers.1.self_attn.k_norm.weight"
    assert plans["blk.0.attn_q.weight"].shape == (128, 64)
    assert not [name for name in plans if name.endswith(".bias")]
