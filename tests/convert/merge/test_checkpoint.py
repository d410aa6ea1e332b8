"""A merged checkpoint in transformers against PEFT's model with the adapter on it."""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import transformers
from numpy.typing import NDArray

from aion.convert import convert
from aion.convert.checkpoint import Checkpoint
from aion.convert.merge import merge_checkpoint
from tests.convert.llama import loaded
from tests.convert.lora.tuned import ATTENTION, IDS, LINEAR, Tiny, as_mlx, quiet, tune
from tests.convert.oracle import kl
from tests.convert.tiny import write_json, write_safetensors

GROWN = 460
SAVED_TIED = {
    "target_modules": ["q_proj"],
    "modules_to_save": ["embed_tokens"],
    "ensure_weight_tying": True,
}


def logits(folder: Path, ids: list[int] = IDS) -> NDArray[np.float64]:
    with quiet(), torch.no_grad():
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        found: NDArray[np.float64] = model(torch.tensor([ids])).logits[0].double().numpy()
    return found


@pytest.mark.parametrize("name", ["llama", "tied"])
@pytest.mark.parametrize(
    "lora",
    [
        {"target_modules": LINEAR, "rank_pattern": {"v_proj": 3}, "use_rslora": True},
        {"target_modules": LINEAR, "use_dora": True},
        {"target_modules": ["embed_tokens", "lm_head", "q_proj"], "use_dora": True},
        {"target_modules": ["embed_tokens"]},
        {"target_modules": ["lm_head"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["lm_head", "embed_tokens", "input_layernorm"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
        {"target_modules": ["q_proj"], "trainable_token_indices": [IDS[3], IDS[5], 440]},
        {"target_modules": ATTENTION, "bias": "all"},
    ],
    ids=[
        "plain", "dora", "dora-tables", "embedding", "head", "saved", "saved-head", "saved-table", "tokens",
        "bias",
    ],
)  # fmt: skip
def test_logits_are_those_of_peft(
    tmp_path: Path, request: pytest.FixtureRequest, name: str, lora: dict[str, Any]
) -> None:
    base: Tiny = request.getfixturevalue(name)
    wanted = tune(base, tmp_path / "adapter", **lora)
    out = merge_checkpoint(base.folder, tmp_path / "adapter", tmp_path / "merged")
    assert kl(wanted, logits(out)) < 1e-8 < kl(logits(base.folder), wanted)


@pytest.mark.parametrize(
    ("lora", "is_tied"),
    [
        ({"target_modules": LINEAR}, True),
        ({"target_modules": ["embed_tokens"], "ensure_weight_tying": True}, True),
        (SAVED_TIED, True),
        ({"target_modules": ["embed_tokens"]}, False),
    ],
)  # fmt: skip
def test_tied_tables_part_only_where_they_differ(
    tmp_path: Path, tied: Tiny, lora: dict[str, Any], is_tied: bool
) -> None:
    wanted = tune(tied, tmp_path / "adapter", **lora)
    merged = Checkpoint(merge_checkpoint(tied.folder, tmp_path / "adapter", tmp_path / "merged"))
    assert ("lm_head.weight" not in merged.names) == merged.config["tie_word_embeddings"] == is_tied
    assert kl(wanted, logits(merged.folder)) < 1e-8


def test_lora_bias_is_added_to_the_base_bias(tmp_path: Path, llama: Tiny, tied: Tiny) -> None:
    wanted = tune(tied, tmp_path / "a", target_modules=["q_proj"], lora_bias=True)
    assert kl(wanted, logits(merge_checkpoint(tied.folder, tmp_path / "a", tmp_path / "m"))) < 1e-8


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("llama", ["q_proj"]),
        ("llama", ["embed_tokens", "lm_head"]),
        ("tied", ["q_proj"]),
        ("tied", ["embed_tokens"]),
        ("tied", ["embed_tokens", "lm_head"]),
    ],
)
def test_a_grown_vocabulary(
    tmp_path: Path, request: pytest.FixtureRequest, name: str, targets: list[str]
) -> None:
    base: Tiny = request.getfixturevalue(name)
    ids, wanted = tune_grown(base, tmp_path / "adapter", targets)
    out = merge_checkpoint(base.folder, tmp_path / "adapter", tmp_path / "merged")
    assert wanted.shape[1] == GROWN
    assert kl(wanted, logits(out, ids)) < 1e-8
    assert Checkpoint(out).json("added_tokens.json") == {"<new>": GROWN - 1}


def tune_grown(base: Tiny, out: Path, targets: list[str]) -> tuple[list[int], NDArray[np.float64]]:
    """As `tune`, on a model whose vocabulary has grown, and with the tokenizer beside the adapter."""
    ids = [*IDS, GROWN - 1]
    torch.manual_seed(3)
    with quiet(), torch.no_grad():
        model = transformers.AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32)
        model.resize_token_embeddings(GROWN)
        tuned = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=8, target_modules=targets))
        for name, weights in tuned.named_parameters():
            if "lora_" in name:
                weights.copy_(torch.randn_like(weights) * 0.08)
        tuned.save_pretrained(str(out))
        logits = tuned.eval()(torch.tensor([ids])).logits[0].double().numpy()
    (out / "added_tokens.json").write_text(json.dumps({"<new>": GROWN - 1}))
    return ids, logits


def test_tokens_in_rows_to_spare_come_with_their_tokenizer(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "a", target_modules=["q_proj"])
    plain = Checkpoint(merge_checkpoint(llama.folder, tmp_path / "a", tmp_path / "plain"))
    assert not (plain.folder / "added_tokens.json").exists()
    write_json(tmp_path / "a" / "added_tokens.json", {"<tour>": 447})  # of 448 rows
    merged = Checkpoint(merge_checkpoint(llama.folder, tmp_path / "a", tmp_path / "m"))
    assert merged.json("added_tokens.json") == {"<tour>": 447}
    assert merged.config["vocab_size"] == plain.config["vocab_size"] == 448


def test_mlx_adapters_merge_too(tmp_path: Path, llama: Tiny) -> None:
    wanted = tune(llama, tmp_path / "a", target_modules=LINEAR, lora_alpha=20)
    as_mlx(tmp_path / "a", rank=8, scale=2.5)
    assert kl(wanted, logits(merge_checkpoint(llama.folder, tmp_path / "a", tmp_path / "m"))) < 1e-8


def test_dora_reaches_llama_cpp_by_a_merge(tmp_path: Path, llama: Tiny) -> None:
    wanted = tune(llama, tmp_path / "a", target_modules=LINEAR, use_dora=True)
    merged = merge_checkpoint(llama.folder, tmp_path / "a", tmp_path / "m")
    with loaded(convert(merged, tmp_path / "m.gguf", "f32")) as model:
        assert kl(wanted, model.logits(IDS)) < 1e-5


@pytest.mark.parametrize(("dtype", "stored"), [("f32", "F32"), ("f16", "F16"), ("bf16", "BF16")])
def test_another_type_for_all_tensors(tmp_path: Path, llama: Tiny, dtype: Any, stored: str) -> None:
    wanted = tune(llama, tmp_path / "a", target_modules=LINEAR)
    merged = Checkpoint(merge_checkpoint(llama.folder, tmp_path / "a", tmp_path / "m", dtype=dtype))
    assert {merged.dtype(name) for name in merged.names} == {stored}
    assert merged.config["dtype"] == {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[stored]
    assert kl(wanted, logits(merged.folder)) < {"F32": 1e-8, "F16": 1e-4, "BF16": 1e-1}[stored]


def test_what_is_not_changed_keeps_its_bytes_and_the_rest_of_the_folder(tmp_path: Path, llama: Tiny) -> None:
    tune(llama, tmp_path / "a", target_modules=["q_proj"], layers_to_transform=[1])
    shutil.copytree(llama.folder, tmp_path / "base")
    write_json(tmp_path / "base" / "modules.json", [{"path": ""}, {"path": "1_Pooling"}])
    write_json(tmp_path / "base" / "1_Pooling" / "config.json", {})
    base = Checkpoint(tmp_path / "base")
    merged = Checkpoint(merge_checkpoint(base.folder, tmp_path / "a", tmp_path / "m"))
    changed = {n for n in base.names if base.f32(n).tobytes() != merged.f32(n).tobytes()}
    assert (merged.names, changed) == (base.names, {"model.layers.1.self_attn.q_proj.weight"})
    assert merged.config == base.config
    for folder in ("", "1_Pooling"):
        assert set(os.listdir(merged.folder / folder)) == set(os.listdir(base.folder / folder))
    assert (merged.folder / "tokenizer.model").read_bytes() == (base.folder / "tokenizer.model").read_bytes()


@pytest.mark.parametrize("module", ["layers.0.self_attn.q_proj", "embed_tokens"])
def test_memory_is_a_few_blocks_whatever_the_matrix(tmp_path: Path, module: str) -> None:
    base, adapter = tmp_path / "base", tmp_path / "a"
    write_large(base, adapter, f"model.{module}")
    tracemalloc.start()
    merged = Checkpoint(merge_checkpoint(base, adapter, tmp_path / "m"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    norms = np.linalg.norm(merged.f32(f"model.{module}.weight"), axis=0 if module == "embed_tokens" else 1)
    assert np.abs(norms - 1).max() < 1e-2
    assert peak < 4096 * 4096 * 4 / 2  # half of one matrix as float32


def write_large(base: Path, adapter: Path, module: str) -> None:
    """A square matrix and a DoRA pair on it whose magnitudes are 1."""
    matrix = np.random.default_rng(0).normal(size=(4096, 4096)).astype(np.float16)
    write_json(base / "config.json", {"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": False})
    write_safetensors(base / "model.safetensors", {f"{module}.weight": matrix, "lm_head.weight": matrix})
    parts = {"lora_A.weight": (2, 4096), "lora_B.weight": (4096, 2), "lora_magnitude_vector": (4096,)}
    tensors = {f"base_model.model.{module}.{part}": np.ones(shape, "<f4") for part, shape in parts.items()}
    write_json(adapter / "adapter_config.json", {"peft_type": "LORA", "r": 2, "lora_alpha": 4})
    write_safetensors(adapter / "adapter_model.safetensors", tensors)
