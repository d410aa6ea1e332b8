"""A model file whose weights are holes: as large as one likes, and hardly anything on the disk."""

from __future__ import annotations

import math
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

N_VOCAB = 300
WIDTH = 1024
_HEAD = 64


def sparse_model(path: Path, n_wide: int, n_layers: int) -> Path:
    """A llama of 1024 dimensions and feed-forward layers of `n_wide`, stored as f16: about
    6144 * n_wide * n_layers bytes. A token of its f16 KV cache takes 256 * n_layers bytes."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(n_layers)
    writer.add_context_length(8192)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(n_wide)
    writer.add_head_count(WIDTH // _HEAD)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    pieces = [b"<unk>", b"<s>", b"</s>", *(f"<0x{i:02X}>".encode() for i in range(256))]
    pieces += [f"p{i}".encode() for i in range(N_VOCAB - len(pieces))]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_scores([0.0] * N_VOCAB)
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * (N_VOCAB - 259))
    n_bytes = 0
    for name, shape in _tensors(n_wide, n_layers).items():
        kind, number = (Kind.F32, np.float32) if len(shape) == 1 else (Kind.F16, np.float16)
        size = math.prod(shape) * np.dtype(number).itemsize
        writer.add_tensor_info(name, shape, np.dtype(number), size, raw_dtype=kind)
        n_bytes += size + -size % gguf.GGUF_DEFAULT_ALIGNMENT
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    begin = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(begin + -begin % gguf.GGUF_DEFAULT_ALIGNMENT + n_bytes)
    return path


def _tensors(n_wide: int, n_layers: int) -> dict[str, tuple[int, ...]]:
    square, narrow, wide = (WIDTH, WIDTH), (_HEAD, WIDTH), (n_wide, WIDTH)
    layer = {
        "attn_norm": (WIDTH,), "ffn_norm": (WIDTH,), "attn_q": square, "attn_k": narrow, "attn_v": narrow,
        "attn_output": square, "ffn_gate": wide, "ffn_up": wide, "ffn_down": wide[::-1],
    }  # fmt: skip
    tensors: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (N_VOCAB, WIDTH),
        "output_norm.weight": (WIDTH,),
    }
    for number in range(n_layers):
        tensors |= {f"blk.{number}.{name}.weight": shape for name, shape in layer.items()}
    return tensors
