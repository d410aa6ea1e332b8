"""XLM-RoBERTa: multilingual-e5 base and large, bge-m3, and rerankers with one score."""

from __future__ import annotations

from aion.convert.architectures.encoder import Encoder
from aion.convert.architectures.reranker import Reranker
from aion.convert.architectures.rope import refused


class XlmRoberta(Encoder):
    """Its position embeddings begin with pad_token_id + 1 rows that no token has."""

    def position_offset(self) -> int:
        pad = self.checkpoint.config.get("pad_token_id", 1)
        if not isinstance(pad, int) or isinstance(pad, bool) or pad < 0:
            raise refused(self.checkpoint, "pad_token_id", pad, "positions are counted from it; correct it")
        return pad + 1


class XlmRobertaReranker(Reranker, XlmRoberta):
    """Scores a pair "<s> query </s></s> passage </s>" by one number (llama.cpp's pooling by rank)."""
