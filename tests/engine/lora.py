"""GGUF adapters with random weights for the tiny model, written straight in llama.cpp's form."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from tests.convert.tiny import CONFIG

RANK = 4


def write_lora(
    path: Path,
    seed: int = 0,
    *,
    strength: float = 0.2,
    arch: str = "llama",
    n_embd: int = CONFIG["hidden_size"],
    fingerprint: str = "",
    kind: str = "adapter",
) -> Path:
    """An adapter on the queries and the MLP of every layer; `strength` 0 makes one without effect."""
    rng = np.random.default_rng(seed)
    n_q, n_ff = CONFIG["num_attention_heads"] * CONFIG["head_dim"], CONFIG["intermediate_size"]
    writer = gguf.GGUFWriter(path, arch)
    writer.add_type(kind)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 2.0 * RANK)
    if fingerprint:
        writer.add_string("aion.lora.base_fingerprint", fingerprint)
        writer.add_string("general.base_model.0.name", "Another-7B")
    for layer in range(CONFIG["num_hidden_layers"]):
        for name, n_in, n_out in (("attn_q", n_embd, n_q), ("ffn_down", n_ff, n_embd)):
            a = rng.normal(size=(RANK, n_in)).astype(np.float32) * 0.3
            b = rng.normal(size=(n_out, RANK)).astype(np.float32) * strength
            writer.add_tensor(f"blk.{layer}.{name}.weight.lora_a", a)
            writer.add_tensor(f"blk.{layer}.{name}.weight.lora_b", b)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
