"""Llama, and Mistral, which llama.cpp calls "llama" too."""

from __future__ import annotations

from aion.convert.architectures.decoder import Decoder
from aion.convert.architectures.names import Names
from aion.convert.architectures.rope import PLAIN_SCALINGS

LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
NAMES = Names(
    gguf="llama",
    top={"embed_tokens": "token_embd", "norm": "output_norm"},
    layer=LAYER,
    rotated=frozenset({"attn_q", "attn_k"}),
)


class Llama(Decoder):
    names = NAMES
    scalings = PLAIN_SCALINGS | {"llama3", "longrope"}

    def biased(self) -> frozenset[str]:
        """Only Llama knows the two settings; Mistral has neither biases nor them."""
        if not self.checkpoint.architecture.startswith("Llama"):
            return frozenset()
        attention = ("attn_q", "attn_k", "attn_v", "attn_output") if self.flag("attention_bias") else ()
        mlp = ("ffn_gate", "ffn_up", "ffn_down") if self.flag("mlp_bias") else ()
        return frozenset((*attention, *mlp))
