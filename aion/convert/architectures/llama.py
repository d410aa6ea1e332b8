"""Llama, and Mistral, which llama.cpp calls "llama" too; both trained for embeddings, "llama-embed"."""

from __future__ import annotations

from dataclasses import replace

from aion.convert.architectures.decoder import Decoder
from aion.convert.architectures.names import Names
from aion.convert.architectures.pooling import pooling
from aion.convert.architectures.rope import PLAIN_SCALINGS
from aion.convert.checkpoint import Checkpoint

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
EMBEDDING_NAMES = replace(NAMES, gguf="llama-embed")


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


class LlamaEmbedding(Llama):
    """Computed by llama.cpp without the output matrix, which an embedding has no use for and which is two
    thirds of the work of a small model with a large vocabulary."""

    names = EMBEDDING_NAMES


def llama(checkpoint: Checkpoint) -> Llama:
    """The one of the two that a checkpoint is: one for embeddings attends to both sides and is pooled."""
    is_embedding = checkpoint.config.get("is_causal") is False and pooling(checkpoint)
    return LlamaEmbedding(checkpoint) if is_embedding else Llama(checkpoint)
