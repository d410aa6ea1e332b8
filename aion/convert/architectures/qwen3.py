"""Qwen3, dense: Qwen2 with a norm of queries and keys in place of the biases, and heads of any size."""

from __future__ import annotations

from aion.convert.architectures.llama import LAYER
from aion.convert.architectures.names import Names
from aion.convert.architectures.qwen2 import Qwen2
from aion.convert.architectures.rope import refused
from aion.convert.checkpoint import Checkpoint

NAMES = Names(
    gguf="qwen3",
    top={"embed_tokens": "token_embd", "norm": "output_norm"},
    layer=LAYER | {"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"},
)


class Qwen3(Qwen2):
    names = NAMES
    default_head_dim = 128
    heads_span_embedding = False

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        if self.flag("attention_bias"):
            raise refused(checkpoint, "attention_bias", True, "llama.cpp has no biases in qwen3's attention")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        norm = (self.head_dim,)
        return super().shapes() | {"attn_q_norm": norm, "attn_k_norm": norm}

    def biased(self) -> frozenset[str]:
        return frozenset()
