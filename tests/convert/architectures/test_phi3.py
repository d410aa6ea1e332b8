from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aion.convert import Checkpoint
from aion.convert.architectures.phi3 import Phi3
from aion.errors import CheckpointError
from tests.convert.tiny import CONFIG, write_json


def phi3(folder: Path, **config: Any) -> Phi3:
    own = {"architectures": ["Phi3ForCausalLM"], "head_dim": None}
    write_json(folder / "config.json", CONFIG | own | config)
    return Phi3(Checkpoint(folder))


def test_fused_matrices_stay_fused(folder: Path) -> None:
    plans = {plan.name: plan for plan in phi3(folder).tensors()}
    layer = {
        name.removeprefix("blk.0."): plan.shape for name, plan in plans.items() if name.startswith("blk.0.")
    }
    assert layer == {
        "attn_norm.weight": (64,), "attn_qkv.weight": (64 + 2 * 32, 64), "attn_output.weight": (64, 64),
        "ffn_norm.weight": (64,), "ffn_up.weight": (2 * 96, 64), "ffn_down.weight": (64, 96),
    }  # fmt: skip
    assert plans["blk.1.ffn_up.weight"].source == "model.layers.1.mlp.gate_up_proj.weight"
    assert all(plan.rows is None for plan in plans.values())


def test_no_sliding_window_is_written_as_0(folder: Path) -> None:
    assert phi3(folder).metadata()["phi3.attention.sliding_window"] == 0
    assert phi3(folder, sliding_window=2047).metadata()["phi3.attention.sliding_window"] == 2047


def test_the_norms_have_phi3s_own_default(folder: Path) -> None:
    key = "phi3.attention.layer_norm_rms_epsilon"
    assert phi3(folder, rms_norm_eps=None).metadata()[key] == 1e-5


def test_a_part_of_each_head_may_turn(folder: Path) -> None:
    found = phi3(folder, partial_rotary_factor=0.75).metadata()
    assert (found["phi3.rope.dimension_count"], found["phi3.attention.key_length"]) == (12, 16)


@pytest.mark.parametrize("kind", ["linear", "yarn", "llama3"])
def test_other_scalings_are_refused(folder: Path, kind: str) -> None:
    with pytest.raises(
        CheckpointError, match=f"rope_scaling = '{kind}'; llama.cpp has only default, longrope"
    ):
        phi3(folder, rope_scaling={"type": kind, "factor": 2})
