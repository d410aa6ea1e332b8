from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from aion.convert import Checkpoint, convert
from aion.convert.architectures.architecture import Architecture
from aion.convert.architectures.registry import architecture_of
from aion.errors import CheckpointError
from tests.convert.tiny import CONFIG, Tensors, random_tensors, write_json, write_safetensors

HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"


def bound(folder: Path, **config: Any) -> Architecture:
    write_json(folder / "config.json", CONFIG | config)
    return architecture_of(Checkpoint(folder))


def sources(folder: Path, tensors: Tensors, **config: Any) -> dict[str, str]:
    """GGUF name -> the checkpoint's, of a folder that holds just `tensors`."""
    write_safetensors(folder / "model.safetensors", tensors)
    return {plan.name: plan.source for plan in bound(folder, **config).tensors()}


def test_head_dim_and_key_value_heads_have_their_defaults(folder: Path) -> None:
    found = bound(folder, head_dim=None, num_key_value_heads=None).metadata()
    assert found["llama.attention.key_length"] == 16
    assert found["llama.attention.head_count_kv"] == 4
    qwen3 = bound(folder, head_dim=None, architectures=["Qwen3ForCausalLM"]).metadata()
    assert qwen3["qwen3.attention.key_length"] == 128


def test_an_untied_head_is_written(folder: Path) -> None:
    tensors = random_tensors(CONFIG) | {HEAD: random_tensors(CONFIG, seed=1)[EMBEDDING]}
    assert sources(folder, tensors, tie_word_embeddings=False)["output.weight"] == HEAD
    assert not bound(folder, tie_word_embeddings=False).is_ignored(HEAD)


def test_a_tied_head_that_was_saved_is_left_out(tmp_path: Path, folder: Path) -> None:
    tensors = random_tensors(CONFIG)
    assert "output.weight" not in sources(folder, tensors | {HEAD: tensors[EMBEDDING]})
    reader = gguf.GGUFReader(convert(folder, tmp_path / "m.gguf", "f32"))
    assert "output.weight" not in [t.name for t in reader.tensors]


def test_a_head_that_is_said_to_be_tied_and_is_not_is_written(folder: Path) -> None:
    tensors = random_tensors(CONFIG)
    changed = tensors[EMBEDDING].copy()
    changed[-1, -1] += 1
    assert sources(folder, tensors | {HEAD: changed})["output.weight"] == HEAD


def test_of_two_tied_tensors_the_head_alone_is_enough(tmp_path: Path, folder: Path) -> None:
    tensors = random_tensors(CONFIG)
    embedding = tensors.pop(EMBEDDING)
    found = sources(folder, tensors | {HEAD: embedding})
    assert found["token_embd.weight"] == HEAD
    assert "output.weight" not in found
    first = gguf.GGUFReader(convert(folder, tmp_path / "m.gguf", "f32")).tensors[0]
    assert np.asarray(first.data).tobytes() == embedding.tobytes()


def test_a_trunk_has_no_prefix_and_no_head(folder: Path) -> None:
    tensors = random_tensors(CONFIG, prefix="")
    for name in ("MistralModel", "LlamaModel"):
        found = sources(folder, tensors, architectures=[name], tie_word_embeddings=False)
        assert set(found.values()) == set(tensors)


def test_an_embedding_model_may_have_lost_its_head(folder: Path) -> None:
    tensors = random_tensors(CONFIG, prefix="")
    assert "output.weight" in sources(folder, tensors, tie_word_embeddings=False)
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_lasttoken": True})
    assert "output.weight" not in sources(folder, tensors, tie_word_embeddings=False)


def test_pooling_and_attention_to_both_sides_are_kept(folder: Path) -> None:
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    found = bound(folder, is_causal=False).metadata()
    assert (found["llama-embed.attention.causal"], found["llama-embed.pooling_type"]) == (False, 1)
    assert bound(folder).metadata()["llama.pooling_type"] == 1  # attends backwards only: as it was


def test_tables_of_rotations_are_left_out(folder: Path) -> None:
    assert bound(folder).is_ignored("model.layers.0.self_attn.rotary_emb.inv_freq")
    assert not bound(folder).is_ignored("model.layers.0.self_attn.q_proj.weight_scale")


@pytest.mark.parametrize("kind", ["q", "k"])
def test_a_turned_matrix_of_another_shape_is_named(tmp_path: Path, folder: Path, kind: str) -> None:
    tensors = random_tensors(CONFIG)
    name = f"model.layers.1.self_attn.{kind}_proj.weight"
    for shape in ((tensors[name].shape[0] * 2, 64), (32, 64), (64,)):
        write_safetensors(folder / "model.safetensors", tensors | {name: np.ones(shape, "<f4")})
        with pytest.raises(CheckpointError) as raised:
            convert(folder, tmp_path / "m.gguf", "f32")
        assert f"has {name} of shape {list(shape)}" in raised.value.message


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"hidden_act": "gelu"}, "hidden_act = 'gelu'; only silu"),
        ({"hidden_act": ["silu"]}, "hidden_act = ['silu']; only silu"),
        ({"num_key_value_heads": 3}, "num_key_value_heads = 3; it must divide num_attention_heads"),
        ({"head_dim": None, "num_attention_heads": 3, "num_key_value_heads": 1}, "= 3; it must divide 64"),
        ({"head_dim": 33}, "head_dim = 33; rotary positions need an even one"),
        ({"head_dim": "32"}, "head_dim = '32', not a whole number"),
        ({"num_hidden_layers": 513}, "num_hidden_layers = 513; llama.cpp takes at most 512"),
        ({"hidden_size": None}, "hidden_size = None, not a whole number"),
        ({"vocab_size": 2**32}, "vocab_size = 4294967296, not a whole number above 0 that fits 32 bits"),
        ({"max_position_embeddings": 128.0}, "max_position_embeddings = 128.0, not a whole number"),
        ({"rms_norm_eps": 0}, "rms_norm_eps = 0, not a number above 0"),
        ({"rms_norm_eps": 1e39}, "rms_norm_eps = 1e+39"),
        ({"sliding_window": -1}, "sliding_window = -1, not a whole number"),
        ({"architectures": ["Qwen2ForCausalLM"]}, "head_dim = 32; llama.cpp takes 64 / 4 here"),
        ({"architectures": ["Phi3ForCausalLM"]}, "head_dim = 32; llama.cpp takes 64 / 4 here"),
        (
            {"architectures": ["Qwen3ForCausalLM"], "attention_bias": True},
            "attention_bias = True; llama.cpp has",
        ),
    ],
)
def test_what_cannot_be_the_same_is_refused(folder: Path, config: dict[str, Any], says: str) -> None:
    with pytest.raises(CheckpointError) as raised:
        bound(folder, **config).metadata()
    assert says in raised.value.message


def test_silu_has_two_names(folder: Path) -> None:
    assert bound(folder, hidden_act="swish").metadata() == bound(folder).metadata()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("MistralForCausalLM", "tie_word_embeddings"),
        ("LlamaForCausalLM", "attention_bias"),
        ("LlamaForCausalLM", "mlp_bias"),
        ("Qwen3ForCausalLM", "attention_bias"),
        ("Qwen3ForCausalLM", "use_sliding_window"),
    ],
)
def test_a_setting_that_is_neither_true_nor_false_is_quoted(folder: Path, name: str, key: str) -> None:
    def everything() -> object:
        made = bound(folder, architectures=[name], **{key: "no"})
        return made.tensors(), made.metadata()

    with pytest.raises(CheckpointError, match=f"{key} = 'no'; it must be true or false"):
        everything()
