"""Llama, and Mistral, which llama.cpp calls "llama" too."""

from __future__ import annotations

from aion.convert.architectures.decoder import Decoder
from aion.convert.architectures.names import Names

NAMES = Names(
    gguf="llama",
    top={"embed_tokens": "token_embd", "norm": "output_norm"},
    layer={
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    },
    rotated=frozenset({"attn_q", "attn_k"}),
)


class Llama(Decoder):
    names = NAMES
