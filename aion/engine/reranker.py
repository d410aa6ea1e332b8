"""How well passages answer a question, by a reranking GGUF that reads both together. Thread-safe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aion.engine.gate import ComputeGate
from aion.engine.library import lib
from aion.engine.model import Model
from aion.engine.pair import pair_form
from aion.engine.pooled import Input, PooledContext
from aion.engine.ranking_head import has_dense, has_output
from aion.engine.segments import segments_of
from aion.errors import ModelError

_SETTING = "AION_RERANK_MODEL"
_N_BATCH = 1024
_RANK = lib.LLAMA_POOLING_TYPE_RANK


class LlamaReranker:
    """`Reranker` on one llama.cpp context: cross encoders with one score (bge-reranker, MiniLM), and
    Qwen3-Reranker as llama.cpp converts it, whose scores are the chance of "yes".

    Of a pair over `max_tokens` the end of the passage is not read.
    """

    def __init__(self, model: Model, n_threads: int, gate: ComputeGate, n_batch: int = _N_BATCH) -> None:
        """Raises ModelError for a model that gives no score of a pair."""
        self._model = model
        self._n_out = int(lib.llama_model_n_cls_out(model.handle))
        self._is_chance = _labels(model, self._n_out) == ["yes", "no"]
        if self._n_out != 1 and not self._is_chance:
            raise _refused(model, f"it has {self._n_out} classes where one score is needed")
        if not has_output(model.path):
            raise _refused(model, "it has no layer that makes a score (cls.output)")
        is_bert = lib.llama_vocab_type(model.vocab) == lib.LLAMA_VOCAB_TYPE_WPM
        if is_bert and not has_dense(model.path):
            raise _refused(
                model, "BERT's pooler is missing (cls), which other converters drop; use aion convert"
            )
        self._form = pair_form(model)
        self._segments = segments_of(model)
        self._context = PooledContext(model, self._n_out, n_threads, gate, n_batch, _SETTING, pooling=_RANK)

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def max_tokens(self) -> int:
        """Of a question and a passage together, special tokens included."""
        return self._context.max_tokens

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts),), each in [0, 1], higher is better. Raises EngineFailed."""
        return self.judge(query, texts)[0]

    def judge(self, query: str, texts: Sequence[str]) -> tuple[NDArray[np.float32], int]:
        """The scores, and how many tokens were computed for them."""
        pairs = self._form.pairs(query, texts, self.max_tokens)
        inputs = [self._input(first, second) for first, second in pairs]
        rows = self._context.compute(inputs)[:, 0]
        scores = rows if self._is_chance else 1.0 / (1.0 + np.exp(-np.clip(rows, -60.0, 60.0)))
        return scores.astype(np.float32), sum(map(len, inputs))

    def close(self) -> None:
        self._context.close()

    def _input(self, first: Sequence[int], second: Sequence[int]) -> Input:
        return self._segments.rows(first, second) if self._segments else [*first, *second]


def _labels(model: Model, n_out: int) -> list[str]:
    found = (lib.llama_model_cls_label(model.handle, i) for i in range(n_out))
    return [label.decode("utf-8", "replace") if label else "" for label in found]


def _refused(model: Model, why: str) -> ModelError:
    return ModelError(
        f"{model.path} cannot rerank: {why}; name a reranking GGUF in {_SETTING} (bge-reranker-v2-m3 ...), "
        "or leave it empty."
    )
