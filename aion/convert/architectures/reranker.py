"""Encoders with a head that scores a pair of texts by one number."""

from __future__ import annotations

from aion.convert.architectures.architecture import TensorPlan
from aion.convert.architectures.encoder import Encoder
from aion.convert.architectures.pooling import RANK
from aion.convert.architectures.rope import refused
from aion.convert.checkpoint import Checkpoint


class Reranker(Encoder):
    """A dense layer and a row over the first token. CheckpointError for a classifier of several classes."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        labels = checkpoint.config.get("id2label")
        n_labels = len(labels) if isinstance(labels, dict) else checkpoint.config.get("num_labels", 2)
        if n_labels != 1:
            raise refused(
                checkpoint, "num_labels", n_labels, "only a reranker with one score can be converted"
            )

    def pooling(self) -> int:
        return RANK

    def head(self) -> list[TensorPlan]:
        square, row = (self.n_embd, self.n_embd), (1, self.n_embd)
        return [*self._both("cls", square), *self._both("cls.output", row)]
