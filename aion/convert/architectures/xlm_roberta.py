"""XLM-RoBERTa: multilingual-e5 base and large, bge-m3, and rerankers with one score."""

from __future__ import annotations

from aion.convert.architectures.architecture import TensorPlan
from aion.convert.architectures.encoder import Encoder
from aion.convert.architectures.pooling import RANK, refuse_other_than_one_score
from aion.convert.architectures.rope import refused
from aion.convert.checkpoint import Checkpoint


class XlmRoberta(Encoder):
    """Its position embeddings begin with pad_token_id + 1 rows that no token has."""

    def position_offset(self) -> int:
        pad = self.checkpoint.config.get("pad_token_id", 1)
        if not isinstance(pad, int) or isinstance(pad, bool) or pad < 0:
            raise refused(self.checkpoint, "pad_token_id", pad, "positions are counted from it; correct it")
        return pad + 1


class XlmRobertaReranker(XlmRoberta):
    """Scores a pair "<s> query </s></s> passage </s>" by one number (llama.cpp's pooling by rank)."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        refuse_other_than_one_score(checkpoint)

    def pooling(self) -> int:
        return RANK

    def head(self) -> list[TensorPlan]:
        square, row = (self.n_embd, self.n_embd), (1, self.n_embd)
        return [*self._both("cls", square), *self._both("cls.output", row)]
