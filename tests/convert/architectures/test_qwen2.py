from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aion.convert import Checkpoint
from aion.convert.architectures.qwen2 import Qwen2
from aion.errors import CheckpointError
from tests.convert.tiny import CONFIG, write_json


def qwen2(folder: Path, **config: Any) -> Qwen2:
    own = {"architectures": ["Qwen2ForCausalLM"], "head_dim": None, "sliding_window": 64}
    write_json(folder / "config.json", CONFIG | own | config)
    return Qwen2(Checkpoint(folder))


def test_queries_keys_and_values_have_biases(folder: Path) -> None:
    plans = [plan for plan in qwen2(folder).tensors() if plan.name.endswith(".bias")]
    names = [f"blk.{i}.attn_{kind}.bias" for i in (0, 1) for kind in "qkv"]
    assert [plan.name for plan in plans] == names
    assert [plan.shape for plan in plans[:3]] == [(64,), (32,), (32,)]
    assert plans[0].source == "model.layers.0.self_attn.q_proj.bias"


def test_no_rows_are_turned(folder: Path) -> None:
    assert all(plan.rows is None for plan in qwen2(folder).tensors())


def test_a_sliding_window_counts_only_when_it_is_used(folder: Path) -> None:
    key = "qwen2.attention.sliding_window"
    assert key not in qwen2(folder, use_sliding_window=False).metadata()
    assert qwen2(folder, use_sliding_window=True).metadata()[key] == 64


@pytest.mark.parametrize("kind", ["llama3", "longrope", "mrope", "dynamic"])
def test_scalings_that_llama_cpp_has_not_for_qwen_are_refused(folder: Path, kind: str) -> None:
    with pytest.raises(
        CheckpointError, match=f"rope_scaling = '{kind}'; llama.cpp has only default, linear, yarn"
    ):
        qwen2(folder, rope_scaling={"type": kind, "factor": 2})
