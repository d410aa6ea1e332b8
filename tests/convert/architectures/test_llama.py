from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aion.convert import Checkpoint
from aion.convert.architectures.llama import Llama
from aion.errors import CheckpointError
from tests.convert.tiny import CONFIG, write_json


def llama(folder: Path, **config: Any) -> Llama:
    write_json(folder / "config.json", CONFIG | config)
    return Llama(Checkpoint(folder))


def test_hyperparameters(folder: Path) -> None:
    found = llama(folder, sliding_window=64, rope_theta=1e6).metadata()
    assert found["llama.attention.head_count_kv"] == 2
    assert found["llama.attention.key_length"] == found["llama.rope.dimension_count"] == 32
    assert found["llama.rope.freq_base"] == 1e6
    assert found["llama.attention.sliding_window"] == 64
    assert found["llama.context_length"] == 128
    assert "llama.attention.causal" not in found
    assert "llama.pooling_type" not in found


def test_biases_are_llamas_only(folder: Path) -> None:
    both = {"attention_bias": True, "mlp_bias": True}
    assert llama(folder, **both).biased() == frozenset()
    names = ["LlamaForCausalLM"]
    assert llama(folder, **both, architectures=names).biased() == {
        "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down",
    }  # fmt: skip
    assert llama(folder, mlp_bias=True, architectures=names).biased() == {"ffn_gate", "ffn_up", "ffn_down"}


def test_heads_that_turn_only_in_part_are_refused(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"partial_rotary_factor = 0\.5; llama\.cpp turns whole heads"):
        llama(folder, partial_rotary_factor=0.5)


def test_the_effective_context_is_kept_where_the_maker_says_it(folder: Path) -> None:
    assert llama(folder, context_length_effective=96).metadata()["llama.context_length_effective"] == 96
    assert "llama.context_length_effective" not in llama(folder).metadata()
