"""Tiny random Mistral checkpoints, written by hand in the safetensors form."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]
N_VOCAB = 448
CONFIG: dict[str, Any] = {
    "architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": N_VOCAB,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 128, "rope_theta": 10000.0,
    "rms_norm_eps": 1e-5,
    "hidden_act": "silu", "tie_word_embeddings": True, "sliding_window": None,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
_NAMES = {np.dtype("<f4"): "F32", np.dtype("<f2"): "F16", np.dtype("<u2"): "BF16"}


def to_bf16(tensor: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Truncated: the source of a test only has to be exact as it is stored."""
    return (tensor.view(np.uint32) >> 16).astype(np.uint16)


def from_bf16(tensor: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (tensor.astype(np.uint32) << 16).view(np.float32)


def safetensors(tensors: Tensors) -> tuple[dict[str, Any], bytes]:
    """Header and data of a safetensors file."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, tensor in tensors.items():
        entry = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape)}
        header[name] = {**entry, "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    return header, b"".join(tensor.tobytes() for tensor in tensors.values())


def write_safetensors(path: Path, tensors: Tensors) -> None:
    header, data = safetensors(tensors)
    write_raw(path, header, data)


def write_raw(path: Path, header: dict[str, Any], data: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def random_tensors(config: dict[str, Any], *, prefix: str = "model.", seed: int = 0) -> Tensors:
    """float32 weights, large enough that attention is not flat."""
    rng = np.random.default_rng(seed)
    d, ff, v = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    q, kv = (config[f"num_{k}_heads"] * config["head_dim"] for k in ("attention", "key_value"))
    shapes: dict[str, tuple[int, ...]] = {"embed_tokens": (v, d), "norm": (d,)}
    for i in range(config["num_hidden_layers"]):
        layer = {
            "input_layernorm": (d,), "post_attention_layernorm": (d,), "self_attn.q_proj": (q, d),
            "self_attn.k_proj": (kv, d), "self_attn.v_proj": (kv, d), "self_attn.o_proj": (d, q),
            "mlp.gate_proj": (ff, d), "mlp.up_proj": (ff, d), "mlp.down_proj": (d, ff),
        }  # fmt: skip
        shapes |= {f"layers.{i}.{name}": shape for name, shape in layer.items()}
    tensors: Tensors = {}
    for name, shape in shapes.items():
        drawn = rng.normal(size=shape) * (0.2 if len(shape) > 1 else 0.1) + (len(shape) == 1)
        tensors[f"{prefix}{name}.weight"] = drawn.astype("<f4")
    return tensors


def write_folder(
    folder: Path, tokenizer: Path, config: dict[str, Any], tensors: Tensors | None = None
) -> Path:
    """A whole checkpoint folder; `tensors` None draws them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config)
    write_json(
        folder / "tokenizer_config.json", {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    )
    shutil.copy(tokenizer, folder / "tokenizer.model")
    write_safetensors(folder / "model.safetensors", random_tensors(config) if tensors is None else tensors)
    return folder


def write_sharded(folder: Path, tensors: Tensors, n_shards: int = 3) -> None:
    """Replace the single file by shards and their index."""
    (folder / "model.safetensors").unlink()
    weight_map: dict[str, str] = {}
    for k in range(n_shards):
        shard = {name: t for i, (name, t) in enumerate(tensors.items()) if i % n_shards == k}
        file = f"model-{k + 1:05}-of-{n_shards:05}.safetensors"
        write_safetensors(folder / file, shard)
        weight_map |= dict.fromkeys(shard, file)
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
