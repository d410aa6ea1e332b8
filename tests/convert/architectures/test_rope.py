from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from aion.convert import Checkpoint
from aion.convert.architectures.rope import PLAIN_SCALINGS, Rope, paired_rows, read_rope
from aion.errors import CheckpointError
from tests.convert.tiny import CONFIG, write_folder, write_json

ALL = PLAIN_SCALINGS | {"llama3", "longrope"}
LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
LONGROPE = {
    "rope_type": "longrope", "long_factor": [2.0] * 16, "short_factor": [1.0] * 16,
    "original_max_position_embeddings": 32,
}  # fmt: skip
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}


def rope(folder: Path, head_dim: int = 32, *, partial: bool = False, **config: Any) -> Rope:
    write_json(folder / "config.json", CONFIG | config)
    return read_rope(Checkpoint(folder), head_dim, ALL, partial=partial)


@given(n_heads=st.integers(1, 5), half=st.integers(1, 8))
def test_pairs_stand_side_by_side_within_each_head(n_heads: int, half: int) -> None:
    rows = paired_rows(n_heads * 2 * half, 2 * half).reshape(n_heads, half, 2)
    first = np.arange(n_heads)[:, None] * 2 * half + np.arange(half)
    assert (rows[..., 0] == first).all()
    assert (rows[..., 1] == first + half).all()


@pytest.mark.parametrize("scaling", [{}, {"rope_type": "linear", "factor": 2}, YARN, LLAMA3, LONGROPE])
def test_the_forms_before_and_since_transformers_5_say_the_same(
    folder: Path, scaling: dict[str, Any]
) -> None:
    new = rope(folder, rope_parameters={"rope_type": "default", "rope_theta": 5e5} | scaling, rope_theta=None)
    older = {("type" if key == "rope_type" else key): value for key, value in scaling.items()}
    for old in (scaling, older):
        found = rope(folder, rope_scaling=old or None, rope_theta=5e5)
        assert found.metadata == new.metadata
        assert [(t.name, t.values.tobytes()) for t in found.tensors] == [
            (t.name, t.values.tobytes()) for t in new.tensors
        ]
    assert new.metadata["rope.freq_base"] == 5e5


def test_where_both_forms_are_there_the_older_scaling_counts(folder: Path) -> None:
    both = rope(
        folder, rope_scaling={"type": "linear", "factor": 2}, rope_theta=None,
        rope_parameters={"rope_type": "default", "rope_theta": 777.0},
    )  # fmt: skip
    assert both.metadata["rope.scaling.factor"] == 2
    assert both.metadata["rope.freq_base"] == 777


def test_without_any_word_the_base_is_10000(folder: Path) -> None:
    found = rope(folder, rope_theta=None)
    assert found.metadata == {"rope.dimension_count": 32, "rope.freq_base": 10000.0}
    assert found.tensors == ()


def frequencies(config: dict[str, Any]) -> NDArray[np.float64]:
    """What transformers turns by."""
    made = LlamaConfig(hidden_size=128, num_attention_heads=4, **config)
    assert made.rope_parameters is not None
    kind = made.rope_parameters["rope_type"]
    return ROPE_INIT_FUNCTIONS[str(kind)](made, None, seq_len=None)[0].double().numpy()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"rope_theta": 5e5, "original_max_position_embeddings": 8192, "factor": 32.0},
        {"low_freq_factor": 3.0},
    ],
)
def test_llama3_divides_by_the_factors_of_transformers(folder: Path, change: dict[str, Any]) -> None:
    parameters: dict[str, Any] = {"rope_theta": 10000.0} | LLAMA3 | change
    (made,) = rope(folder, rope_parameters=parameters).tensors
    found = parameters["rope_theta"] ** (-np.arange(16) / 16) / made.values
    assert made.name == "rope_freqs.weight"
    assert np.allclose(found, frequencies({"rope_parameters": parameters}), rtol=1e-6, atol=0)
    assert len(set(made.values.tolist())) > 2


def test_the_original_context_of_config_json_goes_first(folder: Path) -> None:
    key = "rope.scaling.original_context_length"
    assert rope(folder, rope_scaling=YARN).metadata[key] == 32
    assert rope(folder, rope_scaling=YARN, original_max_position_embeddings=64).metadata[key] == 64
    silent = {"rope_type": "yarn", "factor": 4.0}
    assert rope(folder, rope_scaling=silent).metadata[key] == CONFIG["max_position_embeddings"]


def test_yarn_takes_its_factor_from_the_contexts_when_it_has_none(folder: Path) -> None:
    found = rope(folder, rope_scaling={"type": "yarn", "original_max_position_embeddings": 32}).metadata
    assert found["rope.scaling.factor"] == 4
    assert found["rope.scaling.attn_factor"] == 1


def test_longrope_scales_attention_by_what_is_declared_first(folder: Path) -> None:
    def attention(**more: object) -> object:
        return rope(folder, rope_scaling=LONGROPE | more).metadata["rope.scaling.attn_factor"]

    by_contexts = np.sqrt(1 + np.log(128 / 32) / np.log(32))
    assert attention() == pytest.approx(by_contexts)
    assert attention(factor=2.0) == pytest.approx(np.sqrt(1 + np.log(2) / np.log(32)))
    assert attention(factor=2.0, attention_factor=1.25) == 1.25
    assert attention(original_max_position_embeddings=256) == 1


def test_su_is_the_old_name_of_longrope(folder: Path) -> None:
    old = rope(folder, rope_scaling=LONGROPE | {"rope_type": "su"})
    assert old.metadata["rope.scaling.type"] == "longrope"
    assert [t.name for t in old.tensors] == ["rope_factors_long.weight", "rope_factors_short.weight"]


def test_a_part_of_a_head_may_turn_where_llama_cpp_can(folder: Path) -> None:
    outside = rope(folder, partial=True, partial_rotary_factor=0.75)
    assert outside.metadata["rope.dimension_count"] == 24
    inside = rope(
        folder, partial=True, rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.5}
    )
    assert inside.metadata["rope.dimension_count"] == 16


def scaled(**change: Any) -> dict[str, Any]:
    return {"rope_scaling": change}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (
            scaled(rope_type="dynamic", factor=2),
            "rope_scaling = 'dynamic'; llama.cpp has only default, linear",
        ),
        (scaled(rope_type=3), "rope_scaling.rope_type = 3; it must be a name"),
        ({"rope_scaling": "linear"}, "rope_scaling = 'linear'; it must be an object"),
        ({"rope_parameters": [1]}, "rope_parameters = [1]; it must be an object"),
        (
            {"rope_parameters": {"full_attention": {"rope_type": "linear", "rope_theta": 5e5}}},
            "rope_parameters.full_attention = {'rope_type': 'linear', 'rope_theta': 500000.0}; llama.cpp",
        ),
        (scaled(type="linear"), "rope_scaling.factor = None; it must be a number above 0"),
        (scaled(type="linear", factor=0.5), "rope_scaling.factor = 0.5; it must be 1 or more"),
        (scaled(type="linear", factor="4"), "rope_scaling.factor = '4'"),
        (scaled(type="linear", factor=True), "rope_scaling.factor = True"),
        (scaled(type="linear", factor=10**400), "it must be a number above 0"),
        ({"rope_theta": "1e6"}, "rope_theta = '1e6'"),
        ({"rope_theta": 0.5}, "rope_theta = 0.5; it must be above 1"),
        (scaled(type="linear", factor=1e39), "it must be a number above 0"),
        (scaled(**YARN, attention_factor=1e-60), "attention_factor = 1e-60"),
        ({"rope_parameters": {"rope_theta": -1}}, "rope_parameters.rope_theta = -1"),
        (scaled(**LLAMA3 | {"low_freq_factor": 4.0}), "high_freq_factor = 4.0; it must be above 4.0"),
        (scaled(**{k: v for k, v in LLAMA3.items() if k != "low_freq_factor"}), "low_freq_factor = None"),
        (scaled(**YARN | {"original_max_position_embeddings": 32.5}), "= 32.5; it must be a whole number"),
        (scaled(**YARN, beta_fast=16), "rope_scaling.beta_fast = 16; llama.cpp knows only 32.0"),
        (scaled(**YARN, truncate=False), "rope_scaling.truncate = False; llama.cpp knows only True"),
        (scaled(**YARN, attention_factor=0), "rope_scaling.attention_factor = 0"),
        (
            scaled(**LONGROPE | {"long_factor": [1.0] * 15}),
            "has 15 numbers in rope_scaling.long_factor where 16",
        ),
        (scaled(**LONGROPE | {"short_factor": None}), "has no numbers in rope_scaling.short_factor where 16"),
        (scaled(**LONGROPE | {"long_factor": ["a"] * 16}), "rope_scaling.long_factor = 'a'"),
        (scaled(**LONGROPE | {"original_max_position_embeddings": 1}), "= 1; it must be 2 or more"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor = 0.5; llama.cpp turns whole heads"),
        ({"partial_rotary_factor": 0.1}, "partial_rotary_factor = 0.1; it must leave"),
        ({"partial_rotary_factor": 2}, "partial_rotary_factor = 2.0; it must leave"),
    ],
)
def test_what_cannot_be_the_same_is_refused(folder: Path, config: dict[str, Any], says: str) -> None:
    with pytest.raises(CheckpointError) as raised:
        rope(folder, **config)
    assert says in raised.value.message


NUMBERS = st.floats(0, 1e3) | st.integers(1, 1 << 33)
JSON = (
    NUMBERS
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.just([1.0] * 16)
)
KEYS = st.sampled_from([*LLAMA3, *LONGROPE, "type", "rope_theta", "attention_factor", "mscale", "truncate"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Path:
    """A folder whose config.json every example writes anew."""
    return write_folder(tmp_path_factory.mktemp("rope") / "checkpoint", tokenizer, CONFIG)


@settings(deadline=None)
@given(kind=st.sampled_from(sorted(ALL)), parameters=st.dictionaries(KEYS, JSON), theta=JSON)
def test_no_parameters_raise_anything_but_a_checkpoint_error(
    shared: Path, kind: str, parameters: dict[str, Any], theta: object
) -> None:
    try:
        found = rope(shared, rope_parameters={"rope_type": kind} | parameters, rope_theta=theta)
    except CheckpointError:
        return
    assert all((np.isfinite(t.values) & (t.values > 0)).all() for t in found.tensors)
    for value in found.metadata.values():
        assert isinstance(value, str) or value == pytest.approx(
            struct.unpack("<f", struct.pack("<f", value))[0]
        )
