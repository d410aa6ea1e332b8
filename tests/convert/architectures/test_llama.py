from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aion.convert import Checkpoint
from aion.convert.architectures.llama import Llama
from aion.convert.architectures.rope import paired_rows
from aion.errors import CheckpointError
from tests.convert.tiny import CONFIG, random_tensors, write_json, write_safetensors


def mistral(folder: Path, **config: Any) -> Llama:
    write_json(folder / "config.json", CONFIG | config)
    return Llama(Checkpoint(folder))


def test_hyperparameters(folder: Path) -> None:
    found = mistral(folder, sliding_window=64, rope_theta=1e6).metadata()
    assert found["llama.attention.head_count_kv"] == 2
    assert found["llama.attention.key_length"] == found["llama.rope.dimension_count"] == 32
    assert found["llama.rope.freq_base"] == 1e6
    assert found["llama.attention.sliding_window"] == 64
    assert found["llama.context_length"] == 128
    assert "llama.attention.causal" not in found
    assert "llama.pooling_type" not in found


def test_head_dim_and_key_value_heads_have_their_defaults(folder: Path) -> None:
    found = mistral(folder, head_dim=None, num_key_value_heads=None).metadata()
    assert found["llama.attention.key_length"] == 16
    assert found["llama.attention.head_count_kv"] == 4


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"rope_scaling": None}, (10000.0, None)),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}, (5e5, None)),
        ({"rope_scaling": {"type": "linear", "factor": 2}}, (10000.0, 2.0)),
    ],
)
def test_rope(folder: Path, config: dict[str, Any], expected: tuple[float, float | None]) -> None:
    found = mistral(folder, **config).metadata()
    assert (found["llama.rope.freq_base"], found.get("llama.rope.scaling.factor")) == expected


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4}}, "rope_scaling = 'yarn'; only linear"),
        ({"rope_scaling": {"type": "linear"}}, "rope_scaling.factor = None"),
        ({"hidden_act": "gelu"}, "hidden_act = 'gelu'"),
        ({"num_key_value_heads": 3}, "num_key_value_heads = 3; it must divide"),
        ({"head_dim": 33}, "head_dim = 33"),
    ],
)
def test_what_cannot_be_the_same_is_refused(folder: Path, config: dict[str, Any], says: str) -> None:
    with pytest.raises(CheckpointError) as raised:
        mistral(folder, **config).metadata()
    assert says in raised.value.message


@pytest.mark.parametrize(
    ("pooling", "number"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, 1),
        ({"pooling_mode_cls_token": True}, 2),
        ({"pooling_mode_lasttoken": True}, 3),
        ({"pooling_mode": "mean"}, 1),
    ],
)
def test_pooling_of_sentence_transformers(folder: Path, pooling: dict[str, object], number: int) -> None:
    write_json(folder / "1_Pooling" / "config.json", pooling)
    found = mistral(folder, is_causal=False).metadata()
    assert (found["llama.attention.causal"], found["llama.pooling_type"]) == (False, number)


def test_a_pooling_that_llama_cpp_has_not_is_refused(folder: Path) -> None:
    flags = {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}
    write_json(folder / "1_Pooling" / "config.json", flags)
    with pytest.raises(CheckpointError, match="asks for mean and pooling_mode_max_tokens"):
        mistral(folder).metadata()


def test_tied_embeddings_leave_the_head_out(folder: Path) -> None:
    tied = mistral(folder, tie_word_embeddings=True)
    assert "output.weight" not in [plan.name for plan in tied.tensors()]
    assert tied.is_ignored("lm_head.weight")
    untied = mistral(folder, tie_word_embeddings=False)
    assert untied.tensors()[-1].source == "lm_head.weight"
    assert not untied.is_ignored("lm_head.weight")


def test_a_trunk_has_no_prefix_and_no_head(folder: Path) -> None:
    write_safetensors(folder / "model.safetensors", random_tensors(CONFIG, prefix=""))
    trunk = mistral(folder, architectures=["MistralModel"], tie_word_embeddings=False)
    assert {plan.source for plan in trunk.tensors()} == set(Checkpoint(folder).names)


def test_rope_pairs_stand_side_by_side() -> None:
    rows = np.arange(8, dtype=np.float32)[:, None]
    assert rows[paired_rows(8, 8)][:, 0].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    assert rows[paired_rows(8, 4)][:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_the_effective_context_is_kept_where_the_maker_says_it(folder: Path) -> None:
    assert mistral(folder, context_length_effective=96).metadata()["llama.context_length_effective"] == 96
    assert "llama.context_length_effective" not in mistral(folder).metadata()
