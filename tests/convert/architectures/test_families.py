"""Every family of decoders against transformers: what llama.cpp computes with the converted file, and the
tensors in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

from aion.convert import Checkpoint, FileType, convert
from aion.convert.architectures.registry import architecture_of, names_of
from tests.convert.architectures.reference import IDS, N_GREEDY, Reference, save_reference
from tests.convert.llama import loaded
from tests.convert.oracle import kl
from tests.convert.tiny import write_json

LONG, SHORT = [1.0 + i for i in range(8)], [1.0 + i / 8 for i in range(8)]
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
}  # fmt: skip
LINEAR = {"rope_type": "linear", "rope_theta": 1000.0, "factor": 4.0}
YARN = LINEAR | {"rope_type": "yarn", "original_max_position_embeddings": 32}
LONGROPE = {"rope_type": "longrope", "rope_theta": 1000.0, "long_factor": LONG, "short_factor": SHORT}
PART = {"long_factor": LONG[:6], "short_factor": SHORT[:6], "partial_rotary_factor": 0.75}


def scaled(rope: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rope_parameters": rope, **more}


# name -> class, configuration. Positions go beyond the original context wherever one is named, but for
# "phi3-short": llama.cpp, which rounds a context up to 256, is to take the short factors there.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "mistral-v0.1": ("MistralForCausalLM", {"sliding_window": 128}),
    "mistral-v0.3": ("MistralForCausalLM", {"sliding_window": None, "rope_theta": 1e6}),
    "mistral-nemo": ("MistralForCausalLM", {"head_dim": 32, "sliding_window": None}),
    "llama-2": ("LlamaForCausalLM", {"num_key_value_heads": 4}),
    "llama-3": ("LlamaForCausalLM", scaled(LLAMA3)),
    "llama-biased": ("LlamaForCausalLM", {"attention_bias": True, "mlp_bias": True}),
    "llama-linear": ("LlamaForCausalLM", scaled(LINEAR)),
    "llama-yarn": ("LlamaForCausalLM", scaled(YARN)),
    "llama-yarn-attention": ("LlamaForCausalLM", scaled(YARN | {"attention_factor": 0.5})),
    "llama-yarn-mscale": ("LlamaForCausalLM", scaled(YARN | {"mscale": 1.0, "mscale_all_dim": 0.5})),
    "llama-longrope": ("LlamaForCausalLM", scaled(LONGROPE | {"original_max_position_embeddings": 32})),
    "qwen2": ("Qwen2ForCausalLM", {"rope_theta": 1e6}),
    "qwen2-tied": ("Qwen2ForCausalLM", {"tie_word_embeddings": True}),
    "qwen2-yarn": ("Qwen2ForCausalLM", scaled(YARN)),
    "qwen3": ("Qwen3ForCausalLM", {"head_dim": 32}),
    "qwen3-yarn": ("Qwen3ForCausalLM", scaled(YARN, head_dim=16, tie_word_embeddings=True)),
    "phi3": ("Phi3ForCausalLM", {"sliding_window": 127, "num_key_value_heads": 4}),
    "phi3-long": ("Phi3ForCausalLM", scaled(LONGROPE, original_max_position_embeddings=32)),
    "phi3-short": (
        "Phi3ForCausalLM",
        scaled(LONGROPE, original_max_position_embeddings=256, max_position_embeddings=512),
    ),
    "phi4-mini": (
        "Phi3ForCausalLM",
        scaled(LONGROPE | PART, original_max_position_embeddings=32, tie_word_embeddings=True),
    ),
}
SCALED = [name for name, (_, config) in FAMILIES.items() if "rope_parameters" in config]
UNLIKE = ["mistral-nemo", "llama-2", "llama-biased", "qwen2", "qwen2-tied", "qwen3", "phi3"]
Get = Callable[[str, str], Reference]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Get:
    """The reference of a family in a dtype, made once."""

    @cache
    def get(family: str, dtype: str) -> Reference:
        name, config = FAMILIES[family]
        folder = tmp_path_factory.mktemp(family) / "checkpoint"
        return save_reference(folder, tokenizer, name, dtype=dtype, **config)

    return get


def llama_cpp(path: Path) -> tuple[NDArray[np.float64], list[int]]:
    """Logits of IDS and the greedy continuation."""
    with loaded(path) as model:
        logits = model.logits(IDS)
        ids = [*IDS, int(logits[-1].argmax())]
        while len(ids) < len(IDS) + N_GREEDY:
            ids.append(int(model.logits(ids)[-1].argmax()))
    return logits, ids[len(IDS) :]


@pytest.mark.parametrize(("file_type", "bound"), [("f32", 1e-7), ("f16", 1e-3)])
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_greedy_tokens_are_those_of_transformers(
    tmp_path: Path, reference: Get, family: str, file_type: FileType, bound: float
) -> None:
    wanted = reference(family, "float32")
    logits, greedy = llama_cpp(convert(wanted.folder, tmp_path / "m.gguf", file_type))
    assert kl(wanted.logits, logits) < bound
    assert greedy == wanted.greedy


@pytest.mark.parametrize("family", SCALED)
def test_the_scaling_of_positions_matters(tmp_path: Path, reference: Get, family: str) -> None:
    wanted = reference(family, "float32")
    shutil.copytree(wanted.folder, tmp_path / "c")
    config = json.loads((wanted.folder / "config.json").read_text())
    plain = {"rope_type": "default", "rope_theta": config["rope_parameters"]["rope_theta"]}
    plain["partial_rotary_factor"] = config["rope_parameters"].get("partial_rotary_factor", 1.0)
    write_json(tmp_path / "c" / "config.json", config | {"rope_parameters": plain})
    with loaded(convert(tmp_path / "c", tmp_path / "m.gguf", "f32")) as model:
        assert kl(wanted.logits, model.logits(IDS)) > 0.05


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("MistralForCausalLM", {}),
        ("Qwen2ForCausalLM", {"use_sliding_window": True, "max_window_layers": 0}),
        ("Qwen3ForCausalLM", {"use_sliding_window": True, "max_window_layers": 0, "head_dim": 16}),
        ("Phi3ForCausalLM", {}),
    ],
)
def test_llama_cpp_attends_beyond_a_sliding_window(
    tmp_path: Path, tokenizer: Path, name: str, config: dict[str, Any]
) -> None:
    window = 32
    wanted = save_reference(tmp_path / "c", tokenizer, name, sliding_window=window, **config)
    out = convert(wanted.folder, tmp_path / "m.gguf", "f32")
    key = f"{architecture_of(Checkpoint(wanted.folder)).names.gguf}.attention.sliding_window"
    assert gguf.GGUFReader(out).fields[key].contents() == window
    with loaded(out) as model:
        found = model.logits(IDS)
    assert kl(wanted.logits[:window], found[:window]) < 1e-7
    assert kl(wanted.logits[window:], found[window:]) > 0.05


def embeddings_folder(reference: Reference) -> Path:
    flags = {"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}
    write_json(reference.folder / "1_Pooling" / "config.json", flags)
    return reference.folder


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize("name", ["LlamaModel", "MistralModel", "Qwen2Model", "Qwen3Model", "Phi3Model"])
def test_a_model_without_a_head_embeds_by_its_last_token(
    tmp_path: Path, tokenizer: Path, name: str, is_causal: bool
) -> None:
    head_dim: dict[str, Any] = {"head_dim": 32} if name == "Qwen3Model" else {}
    wanted = save_reference(tmp_path / "c", tokenizer, name, is_causal=is_causal, **head_dim)
    out = convert(embeddings_folder(wanted), tmp_path / "m.gguf", "f32")
    assert "output.weight" not in [t.name for t in gguf.GGUFReader(out).tensors]
    with loaded(out) as model:
        found = model.embedding(IDS)
    assert np.abs(found - wanted.logits[-1]).max() < 1e-4


def in_gguf_order(family: str, name: str, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """The one reordering there is, written again head by head."""
    n_heads = {"attn_q": 4, "attn_k": FAMILIES[family][1].get("num_key_value_heads", 2)}
    kind = name.split(".")[2] if name.startswith("blk.") else name
    if not family.startswith(("mistral", "llama")) or kind not in n_heads:
        return weight
    halves = np.split(weight, n_heads[kind] * 2)
    pairs = [np.stack([a, b], 1) for a, b in zip(halves[::2], halves[1::2], strict=True)]
    return np.concatenate(pairs).reshape(weight.shape)


@pytest.mark.parametrize(
    ("dtype", "file_type"), [("float32", "f32"), ("bfloat16", "f32"), ("bfloat16", "bf16")]
)
@pytest.mark.parametrize("family", UNLIKE)
def test_every_tensor_is_its_source_bit_for_bit(
    tmp_path: Path, reference: Get, family: str, dtype: str, file_type: FileType
) -> None:
    made = reference(family, dtype)
    reader = gguf.GGUFReader(convert(made.folder, tmp_path / "m.gguf", file_type))
    found = {t.name: np.asarray(gguf.dequantize(t.data, t.tensor_type)) for t in reader.tensors}
    names = names_of(architecture_of(Checkpoint(made.folder)).names.gguf)
    for source, weight in made.weights.items():
        path, _, part = source.rpartition(".")
        module = names.find(path)
        assert module is not None
        name = f"{module.name}.{part}"
        assert found.pop(name).tobytes() == in_gguf_order(family, name, weight).tobytes(), name
    assert not found
    matrices = {t.tensor_type.name for t in reader.tensors if len(t.shape) > 1}
    assert matrices == {file_type.upper()}
