"""Reading adapter folders: names, scales, and what is beside the pairs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import peft.utils.other
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aion.convert.lora.config import PeftConfig, read_peft_config
from aion.convert.lora.keys import parse_mlx, parse_peft
from aion.convert.lora.peft import read_adapter
from aion.errors import CheckpointError
from tests.convert.lora.tuned import Tiny, adapter_tensors, as_mlx, rewrite, tune
from tests.convert.tiny import Tensors, to_bf16, write_json

MODULE = "model.layers.0.self_attn.q_proj"
PLAIN: dict[str, Any] = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "base_model_name_or_path": "org/base"}


def write_adapter(folder: Path, tensors: Tensors | None = None, **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    return rewrite(folder, pair() if tensors is None else tensors, PLAIN | config)


def pair(module: str = f"base_model.model.{MODULE}", rank: int = 4) -> Tensors:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(rank, 6)).astype("<f4"), rng.normal(size=(5, rank)).astype("<f4")
    return {f"{module}.lora_A.weight": a, f"{module}.lora_B.weight": b}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (f"base_model.model.{MODULE}.lora_A.weight", (MODULE, "a", None)),
        (f"base_model.model.base_model.model.{MODULE}.lora_B.weight", (MODULE, "b", None)),
        (f"base_model.model.{MODULE}.lora_B.tour-guide.weight", (MODULE, "b", "tour-guide")),
        (f"{MODULE}.lora_A", (MODULE, "a", None)),
        (f"_orig_mod.base_model.model.{MODULE}._fsdp_wrapped_module.lora_A.weight", (MODULE, "a", None)),
        ("base_model.model.model.embed_tokens.lora_embedding_A", ("model.embed_tokens", "a_embedding", None)),
        ("model.embed_tokens.lora_embedding_B.default", ("model.embed_tokens", "b_embedding", "default")),
        (f"{MODULE}.lora_magnitude_vector.default.weight", (MODULE, "magnitude", "default")),
        (f"{MODULE}.lora_B.bias", (MODULE, "bias", None)),
        ("lm_head.modules_to_save.default.weight", ("lm_head.weight", "replaced", "default")),
        ("base_model.model.lm_head.base_layer.weight", ("lm_head", "copy", None)),
        (f"{MODULE}.base_layer.bias", (f"{MODULE}.bias", "replaced", None)),
        ("model.e.token_adapter.trainable_tokens_delta", ("model.e", "tokens", None)),
    ],
)
def test_what_a_name_says(name: str, key: tuple[str, str, str | None]) -> None:
    found = parse_peft(name)
    assert (found.module, found.part, found.adapter) == key


def test_what_a_name_of_mlx_says() -> None:
    parts = [parse_mlx(f"{MODULE}.{leaf}").part for leaf in ("lora_a", "lora_b", "m", "weight")]
    assert parts == ["a", "b", "magnitude", "replaced"]


@given(st.lists(st.sampled_from([".", "q", "1", "q_proj", r"\d+", "layers", "^", "self_attn"]), max_size=4))
def test_patterns_match_as_in_peft(parts: list[str]) -> None:
    pattern = {"".join(parts): 3, "q_proj": 5}
    found = PeftConfig(Path("c"), 4, 8.0, rank_pattern=pattern).rank_of(MODULE)
    assert found == pattern.get(peft.utils.other.get_pattern_key(list(pattern), MODULE), 4)


@pytest.mark.parametrize("change", [{}, {"use_rslora": True}, {"alpha_pattern": {"q_proj": 3}}])
def test_the_scale_is_that_of_peft(tmp_path: Path, llama: Tiny, change: dict[str, Any]) -> None:
    tune(llama, tmp_path / "a", target_modules=["q_proj"], rank_pattern={"1.self_attn.q_proj": 2}, **change)
    alpha = 3 if "alpha_pattern" in change else 16
    divide = math.sqrt if change.get("use_rslora") else float
    assert [p.scale for p in read_adapter(tmp_path / "a").pairs] == [alpha / divide(8), alpha / divide(2)]


def test_halves_are_read_exactly_from_bf16(tmp_path: Path) -> None:
    tensors = {name: to_bf16(tensor) for name, tensor in pair().items()}
    (found,) = read_adapter(write_adapter(tmp_path / "a", tensors)).pairs
    assert (found.module, found.rank, found.scale) == (MODULE, 4, 2.0)
    assert [to_bf16(np.ascontiguousarray(h)).tobytes() for h in (found.a, found.b)] == [
        tensor.tobytes() for tensor in tensors.values()
    ]


def test_what_is_beside_the_pairs(tmp_path: Path, llama: Tiny) -> None:
    tune(
        llama, tmp_path / "a", target_modules=["q_proj"], use_dora=True, modules_to_save=["lm_head"],
        trainable_token_indices=[3, 5],
    )  # fmt: skip
    found = read_adapter(tmp_path / "a")
    assert all(pair.magnitude is not None and pair.magnitude.shape == (128,) for pair in found.pairs)
    assert {name: tensor.f32().shape for name, tensor in found.replaced.items()} == {
        "lm_head.weight": (448, 64)
    }
    assert {name: t.tokens for name, t in found.trained_tokens.items()} == {"model.embed_tokens": (3, 5)}
    assert found.trained_tokens["model.embed_tokens"].rows.shape == (2, 64)


def test_a_table_beside_a_targeted_embedding_is_no_change(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "a", target_modules=["embed_tokens"])
    found = read_adapter(tmp_path / "a")
    assert {name: table.shape for name, table in found.tables.items()} == {"model.embed_tokens": (448, 64)}
    assert not found.replaced
    assert [(pair.is_embedding, pair.a.shape, pair.b.shape) for pair in found.pairs] == [
        (True, (8, 448), (64, 8))
    ]


def test_mlx_has_a_scale_and_halves_the_other_way(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "a", target_modules=["q_proj"])
    before = {pair.module: pair for pair in read_adapter(tmp_path / "a").pairs}
    found = read_adapter(as_mlx(tmp_path / "a", rank=8, scale=20.0))
    assert found.alpha is None
    for pair in found.pairs:
        assert pair.scale == 20.0
        np.testing.assert_array_equal(pair.a, before[pair.module].a)
        np.testing.assert_array_equal(pair.b, before[pair.module].b)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"peft_type": "IA3"}, "peft_type IA3, and only LORA"),
        ({"peft_type": "PREFIX_TUNING"}, "peft_type PREFIX_TUNING"),
        ({"alora_invocation_tokens": [1, 2]}, r"alora_invocation_tokens = \[1, 2\]: .* only after its"),
        ({"use_qalora": True}, "averages groups of its inputs"),
        (
            {"init_lora_weights": "pissa_niter_4"},
            "'pissa_niter_4', .*path_initial_model_for_weight_conversion",
        ),
        ({"r": 0}, "r = 0, not a whole number above 0"),
        ({"lora_alpha": "x"}, "lora_alpha = 'x', not a number"),
        ({"lora_alpha": 1e39}, r"lora_alpha = 1e\+39, not a number"),
        ({"rank_pattern": [1]}, r"rank_pattern = \[1\], not an object"),
        ({"rank_pattern": {"q_proj": -1}}, "rank_pattern = -1"),
        ({"alpha_pattern": {"(": 1}}, r"the pattern '\(', no regular expression"),
        ({"r": 8}, "rank 4 where adapter_config.json says 8; take both"),
    ],
)
def test_a_configuration_that_is_no_plain_lora(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        read_adapter(write_adapter(tmp_path / "a", **change))


@pytest.mark.parametrize("key", ["r", "lora_alpha"])
def test_a_configuration_with_a_gap(key: str) -> None:
    with pytest.raises(CheckpointError, match=f"c lacks {key}; copy"):
        read_peft_config(Path("c"), {k: v for k, v in PLAIN.items() if k != key})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fine_tune_type": "full"}, "fine_tune_type 'full', not a LoRA; run mlx_lm.fuse"),
        ({"lora_parameters": 3}, "lora_parameters = 3, not an object"),
        ({"lora_parameters": {"rank": 8}}, "without scale"),
        (
            {"lora_parameters": {"rank": 8, "scale": 10.0, "alpha": 16.0}},
            "scale 10 and alpha 16.0: mlx-lm of 2024",
        ),
    ],
)
def test_a_configuration_of_mlx_with_no_one_meaning(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    good = {"fine_tune_type": "lora", "lora_parameters": {"rank": 8, "scale": 10.0}}
    write_json(tmp_path / "adapter_config.json", good | change)
    with pytest.raises(CheckpointError, match=says):
        read_adapter(tmp_path)


def broken(**change: Any) -> Tensors:
    """A pair, the halves named in `change` replaced, or left out when None."""
    tensors = pair() | {f"base_model.model.{MODULE}.lora_{k}.weight": v for k, v in change.items()}
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({}, "holds no tensors"),
        (broken(A=None), f"no lora_A for {MODULE}"),
        (broken(B=None), f"no lora_B for {MODULE}"),
        (broken(B=np.zeros((5, 3), "<f4")), r"\[4, 6\] and lora_B of shape \[5, 3\], which do not multiply"),
        (broken(A=np.zeros((0,), "<f4")), r"lora_A of shape \[0\].*gather the shards"),
        (broken(A=np.full((4, 6), np.nan, "<f4")), "holds NaN"),
        (broken(B=np.full((5, 4), np.inf, "<f4")), "holds Inf"),
        (pair() | pair(MODULE), "twice under different prefixes"),
        (pair(f"{MODULE}") | {"x.lora_A.one": pair()[f"base_model.model.{MODULE}.lora_A.weight"],
                              "x.lora_B.two": pair()[f"base_model.model.{MODULE}.lora_B.weight"]},
         "the adapters one and two; save one"),
    ],
)  # fmt: skip
def test_tensors_that_are_no_pair(tmp_path: Path, tensors: Tensors, says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        read_adapter(write_adapter(tmp_path / "a", tensors))


def test_trained_tokens_and_their_indices_must_agree(tmp_path: Path) -> None:
    tensors = pair() | {"model.embed_tokens.token_adapter.trainable_tokens_delta": np.ones((2, 6), "<f4")}
    for indices in ([3], None, {"other": [3, 4]}, [3, "x"]):
        with pytest.raises(CheckpointError, match="do not fit the 2 rows trained for"):
            read_adapter(write_adapter(tmp_path / "a", tensors, trainable_token_indices=indices))
    found = read_adapter(
        write_adapter(tmp_path / "a", tensors, trainable_token_indices={"embed_tokens": [3, 4]})
    )
    assert found.trained_tokens["model.embed_tokens"].tokens == (3, 4)


def test_a_pickle_is_read_when_that_is_asked_for(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "a")
    tensors = {name: torch.from_numpy(tensor) for name, tensor in adapter_tensors(folder).items()}
    expected = read_adapter(folder).pairs[0]
    torch.save(tensors, folder / "adapter_model.bin")
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"adapter_model\.bin is a pickle.*safe_serialization=True"):
        read_adapter(folder)
    (found,) = read_adapter(folder, allow_pickle=True).pairs
    assert (found.a.tobytes(), found.b.tobytes()) == (expected.a.tobytes(), expected.b.tobytes())


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="absent is not a folder"):
        read_adapter(tmp_path / "absent")
    with pytest.raises(CheckpointError, match=r"adapter_config\.json is missing"):
        read_adapter(tmp_path)
    folder = write_adapter(tmp_path / "a")
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"adapter_model\.safetensors is missing"):
        read_adapter(folder)


@pytest.mark.parametrize(("content", "says"), [("{", "not readable JSON"), ("[]", "list, not a JSON object")])
def test_a_configuration_that_is_none(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "adapter_config.json").write_text(content)
    with pytest.raises(CheckpointError, match=says):
        read_adapter(tmp_path)
