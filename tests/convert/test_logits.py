"""llama.cpp on the converted file against the numpy oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aion.convert import FileType, convert
from tests.convert.llama import loaded
from tests.convert.oracle import hidden_states, kl
from tests.convert.tiny import CONFIG, N_VOCAB, random_tensors, write_folder, write_json, write_safetensors

IDS = [1, *np.random.default_rng(3).integers(3, N_VOCAB, 31).tolist()]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"head_dim": 16, "num_key_value_heads": 4, "rope_theta": 1e6},
        {"head_dim": 16, "rms_norm_eps": 1e-3, "architectures": ["LlamaForCausalLM"]},
    ],
)
def test_logits_are_those_of_the_checkpoint(tmp_path: Path, tokenizer: Path, change: dict[str, Any]) -> None:
    config = CONFIG | change
    tensors = random_tensors(config)
    out = convert(write_folder(tmp_path / "c", tokenizer, config, tensors), tmp_path / "m.gguf", "f32")
    wanted = hidden_states(tensors, config, IDS) @ tensors["model.embed_tokens.weight"].astype(np.float64).T
    with loaded(out) as model:
        found = model.logits(IDS)
    assert kl(wanted, found) < 1e-4
    assert (wanted.argmax(-1) == found.argmax(-1)).all()


@pytest.mark.parametrize(("file_type", "bound"), [("f16", 1e-3), ("bf16", 2e-2), ("q8_0", 2e-2)])
def test_smaller_types_stay_near(tmp_path: Path, folder: Path, file_type: FileType, bound: float) -> None:
    tensors = random_tensors(CONFIG)
    wanted = hidden_states(tensors, CONFIG, IDS) @ tensors["model.embed_tokens.weight"].astype(np.float64).T
    with loaded(convert(folder, tmp_path / "m.gguf", file_type)) as model:
        assert kl(wanted, model.logits(IDS)) < bound


def test_a_head_of_its_own_is_used(tmp_path: Path, tokenizer: Path) -> None:
    config = CONFIG | {"tie_word_embeddings": False}
    head = np.random.default_rng(9).normal(size=(N_VOCAB, 64)).astype("<f4") * 0.2
    tensors = random_tensors(config) | {"lm_head.weight": head}
    out = convert(write_folder(tmp_path / "c", tokenizer, config, tensors), tmp_path / "m.gguf", "f32")
    wanted = hidden_states(random_tensors(config), config, IDS) @ head.astype(np.float64).T
    with loaded(out) as model:
        assert kl(wanted, model.logits(IDS)) < 1e-4


def test_a_bidirectional_trunk_gives_the_mean_of_its_states(tmp_path: Path, tokenizer: Path) -> None:
    config = CONFIG | {"architectures": ["MistralModel"], "is_causal": False}
    tensors = random_tensors(config, prefix="")
    folder = write_folder(tmp_path / "c", tokenizer, config)
    write_safetensors(folder / "model.safetensors", tensors)
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    wanted = hidden_states(tensors, config, IDS, prefix="").mean(0)
    with loaded(convert(folder, tmp_path / "m.gguf", "f32")) as model:
        found = model.embedding(IDS)
    assert np.abs(found - wanted).max() < 1e-4
    causal = hidden_states(tensors, config | {"is_causal": True}, IDS, prefix="").mean(0)
    assert np.abs(found - causal).max() > 1e-2
