"""Phi-3, Phi-3.5, Phi-4 and Phi-4-mini, without experts or images: queries, keys and values in one matrix,
gate and up in another, which llama.cpp keeps so."""

from __future__ import annotations

from aion.convert.architectures.decoder import Decoder
from aion.convert.architectures.llama import LAYER
from aion.convert.architectures.names import Names

_SPLIT = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj")
NAMES = Names(
    gguf="phi3",
    top={"embed_tokens": "token_embd", "norm": "output_norm"},
    layer={path: kind for path, kind in LAYER.items() if path not in _SPLIT}
    | {"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"},
)


class Phi3(Decoder):
    names = NAMES
    default_eps = 1e-5
    heads_span_embedding = True
    scalings = frozenset({"default", "longrope"})
    partial_rotary = True

    def shapes(self) -> dict[str, tuple[int, ...]]:
        n_q, n_kv = self.n_head * self.head_dim, self.n_head_kv * self.head_dim
        return {
            "attn_norm": (self.n_embd,),
            "attn_qkv": (n_q + 2 * n_kv, self.n_embd),
            "attn_output": (self.n_embd, n_q),
            "ffn_norm": (self.n_embd,),
            "ffn_up": (2 * self.n_ff, self.n_embd),
            "ffn_down": (self.n_embd, self.n_ff),
        }

    def sliding_window(self) -> int:
        """0 for none: earlier versions of llama.cpp refuse a phi3 file without this key."""
        return super().sliding_window() or 0
