from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest

from aion.convert import FileType, convert
from aion.convert.fingerprint import fingerprint
from aion.errors import CheckpointError
from tests.convert.tiny import CONFIG, N_VOCAB, random_tensors, to_bf16, write_folder


@pytest.mark.parametrize("file_type", ["f32", "f16", "bf16", "q8_0"])
def test_it_is_the_same_for_a_checkpoint_and_its_ggufs(
    tmp_path: Path, folder: Path, file_type: FileType
) -> None:
    assert fingerprint(folder) == fingerprint(convert(folder, tmp_path / "m.gguf", file_type))


def test_it_survives_llama_cpps_quantiser(tmp_path: Path, folder: Path) -> None:
    source, out = convert(folder, tmp_path / "m.gguf"), tmp_path / "q.gguf"
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M, 1
    assert llama_cpp.llama_model_quantize(str(source).encode(), str(out).encode(), params) == 0
    assert out.stat().st_size < source.stat().st_size
    assert fingerprint(out) == fingerprint(folder)


def test_it_does_not_ask_how_the_norms_are_stored(tmp_path: Path, tokenizer: Path) -> None:
    stored = {name: to_bf16(tensor) for name, tensor in random_tensors(CONFIG).items()}
    exact = {name: (t.astype(np.uint32) << 16).view("<f4") for name, t in stored.items()}
    folders = [
        write_folder(tmp_path / name, tokenizer, CONFIG, tensors)
        for name, tensors in (("bf16", stored), ("f32", exact))
    ]
    assert fingerprint(folders[0]) == fingerprint(folders[1])


@pytest.mark.parametrize(
    "change",
    [
        {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 64},
        {"num_hidden_layers": 3},
        {"intermediate_size": 128},
        {"hidden_size": 128},
    ],
)
def test_another_shape_is_another_base(
    tmp_path: Path, folder: Path, tokenizer: Path, change: dict[str, Any]
) -> None:
    assert fingerprint(write_folder(tmp_path / "o", tokenizer, CONFIG | change)) != fingerprint(folder)


def test_one_norm_weight_makes_another_base_and_a_matrix_does_not(
    tmp_path: Path, folder: Path, tokenizer: Path
) -> None:
    tensors = random_tensors(CONFIG)
    tensors["model.layers.1.mlp.up_proj.weight"][0, 0] += 1
    assert fingerprint(write_folder(tmp_path / "a", tokenizer, CONFIG, tensors)) == fingerprint(folder)
    weight = tensors["model.layers.1.post_attention_layernorm.weight"]
    weight[0] = np.nextafter(weight[0], np.float32(2))
    assert fingerprint(write_folder(tmp_path / "b", tokenizer, CONFIG, tensors)) != fingerprint(folder)


def test_what_is_no_model_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        fingerprint(tmp_path / "absent.gguf")
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        fingerprint(folder)


def test_the_vocabulary_is_no_part_of_it(tmp_path: Path, folder: Path, tokenizer: Path) -> None:
    """Programs pad it to different sizes."""
    padded = CONFIG | {"vocab_size": N_VOCAB + 64}
    assert fingerprint(write_folder(tmp_path / "p", tokenizer, padded)) != ""
    norms = {k: v for k, v in random_tensors(CONFIG).items() if v.ndim == 1}
    tensors = random_tensors(padded) | norms
    assert fingerprint(write_folder(tmp_path / "q", tokenizer, padded, tensors)) == fingerprint(folder)
