"""Tiny random GGUFs of kinds AION serves but does not convert: recurrent (mamba), sliding window (gemma3),
positions in several dimensions (qwen2vl)."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

N_EMBD, N_VOCAB = 64, 448
_rng = np.random.default_rng(0)


def drawn(*shape: int, size: float = 0.3) -> NDArray[np.float32]:
    return (_rng.normal(size=shape) * size).astype(np.float32)


def ones(n: int, size: float = 1.0) -> NDArray[np.float32]:
    return np.full(n, size, np.float32)


def _writer(path: Path, arch: str, n_layer: int) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, arch)
    writer.add_type("model")
    writer.add_name(f"tiny-{arch}")
    writer.add_block_count(n_layer)
    writer.add_embedding_length(N_EMBD)
    writer.add_layer_norm_rms_eps(1e-5)
    texts = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256))]
    texts += [f"t{i}" for i in range(len(texts), N_VOCAB)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(texts)
    writer.add_token_scores([-float(i) for i in range(N_VOCAB)])
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * (N_VOCAB - 259))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_tensor("token_embd.weight", drawn(N_VOCAB, N_EMBD, size=1.0))
    writer.add_tensor("output_norm.weight", ones(N_EMBD))
    writer.add_tensor("output.weight", drawn(N_VOCAB, N_EMBD, size=1.0))
    return writer


def _close(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_mamba(path: Path, n_layer: int = 2) -> Path:
    inner, state, step, kernel = 2 * N_EMBD, 16, 4, 4
    writer = _writer(path, "mamba", n_layer)
    writer.add_context_length(512)
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_ssm_conv_kernel(kernel)
    writer.add_ssm_inner_size(inner)
    writer.add_ssm_state_size(state)
    writer.add_ssm_time_step_rank(step)
    for layer in range(n_layer):
        tensors = {
            "attn_norm.weight": ones(N_EMBD), "ssm_in.weight": drawn(2 * inner, N_EMBD),
            "ssm_conv1d.weight": drawn(inner, kernel), "ssm_conv1d.bias": drawn(inner),
            "ssm_x.weight": drawn(step + 2 * state, inner), "ssm_dt.weight": drawn(inner, step),
            "ssm_dt.bias": drawn(inner), "ssm_a": -np.exp(drawn(inner, state)), "ssm_d": drawn(inner),
            "ssm_out.weight": drawn(N_EMBD, inner),
        }  # fmt: skip
        for name, tensor in tensors.items():
            writer.add_tensor(f"blk.{layer}.{name}", tensor)
    return _close(writer, path)


def write_gemma3(path: Path, n_layer: int = 6, window: int = 16) -> Path:
    heads, heads_kv, head_dim, ff = 4, 2, 32, 96
    writer = _writer(path, "gemma3", n_layer)
    writer.add_context_length(512)
    writer.add_feed_forward_length(ff)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads_kv)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_sliding_window(window)
    writer.add_rope_freq_base(10000.0)
    for layer in range(n_layer):
        tensors = {
            "attn_norm": ones(N_EMBD), "post_attention_norm": ones(N_EMBD, 4.0), "ffn_norm": ones(N_EMBD),
            "post_ffw_norm": ones(N_EMBD),
            "attn_q_norm": ones(head_dim, 3.0), "attn_k_norm": ones(head_dim, 3.0),
            "attn_q": drawn(heads * head_dim, N_EMBD), "attn_k": drawn(heads_kv * head_dim, N_EMBD),
            "attn_v": drawn(heads_kv * head_dim, N_EMBD), "attn_output": drawn(N_EMBD, heads * head_dim),
            "ffn_gate": drawn(ff, N_EMBD), "ffn_up": drawn(ff, N_EMBD), "ffn_down": drawn(N_EMBD, ff),
        }  # fmt: skip
        for name, tensor in tensors.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", tensor)
    return _close(writer, path)


def write_qwen2vl(path: Path, n_layer: int = 2) -> Path:
    heads, heads_kv, ff = 2, 1, 96
    n_kv = N_EMBD * heads_kv // heads
    writer = _writer(path, "qwen2vl", n_layer)
    writer.add_context_length(512)
    writer.add_feed_forward_length(ff)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads_kv)
    writer.add_rope_dimension_sections([4, 6, 6, 0])
    for layer in range(n_layer):
        tensors = {
            "attn_norm": ones(N_EMBD), "ffn_norm": ones(N_EMBD),
            "attn_q": drawn(N_EMBD, N_EMBD), "attn_k": drawn(n_kv, N_EMBD), "attn_v": drawn(n_kv, N_EMBD),
            "attn_output": drawn(N_EMBD, N_EMBD),
            "ffn_gate": drawn(ff, N_EMBD), "ffn_up": drawn(ff, N_EMBD), "ffn_down": drawn(N_EMBD, ff),
        }  # fmt: skip
        for name, tensor in tensors.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", tensor)
        for name, n in (("attn_q", N_EMBD), ("attn_k", n_kv), ("attn_v", n_kv)):
            writer.add_tensor(f"blk.{layer}.{name}.bias", drawn(n))
    return _close(writer, path)
