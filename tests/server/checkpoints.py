"""Tiny real checkpoints that a server can answer with."""

from __future__ import annotations

from pathlib import Path

from tests.convert.conftest import train_tokenizer
from tests.convert.tiny import CONFIG, random_tensors, to_bf16, write_folder, write_safetensors

# Rows of 256, so that llama.cpp's K-quants apply; a context that holds the system prompt.
CHAT = CONFIG | {
    "hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 64, "max_position_embeddings": 1024,
}  # fmt: skip


def write_checkpoint(folder: Path, *, dtype: str = "bfloat16", seed: int = 0) -> Path:
    """A whole Mistral checkpoint of 0.5M parameters in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(folder / "tokenizer.model.new")
    config = CHAT | {"dtype": dtype}
    tensors = random_tensors(config, seed=seed)
    write_folder(folder, tokenizer, config, {})
    if dtype == "bfloat16":
        tensors = {name: to_bf16(tensor) for name, tensor in tensors.items()}
    write_safetensors(folder / "model.safetensors", tensors)
    tokenizer.unlink()
    return folder
