"""Qwen2 and Qwen2.5, dense."""

from __future__ import annotations

from aion.convert.architectures.decoder import Decoder
from aion.convert.architectures.llama import LAYER
from aion.convert.architectures.names import Names

NAMES = Names(gguf="qwen2", top={"embed_tokens": "token_embd", "norm": "output_norm"}, layer=LAYER)


class Qwen2(Decoder):
    names = NAMES
    heads_span_embedding = True

    def biased(self) -> frozenset[str]:
        return frozenset({"attn_q", "attn_k", "attn_v"})

    def sliding_window(self) -> int | None:
        """Set in every config.json, in force only where `use_sliding_window` says so."""
        return super().sliding_window() if self.flag("use_sliding_window") else None
