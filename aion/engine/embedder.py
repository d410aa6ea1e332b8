"""Texts to vectors by an embedding GGUF: its own context, the pooling its metadata names, length 1.

Decoders (with a KV memory) and encoders (BERT, without one) are the same to a caller. Thread-safe: one
caller computes at a time, under the compute gate of the process.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from aion.engine.gate import ComputeGate
from aion.engine.library import first_complaint, forget_complaints, lib
from aion.engine.model import Model
from aion.errors import EngineFailed, ModelError
from aion.types import Vectors

_MAX_SEQUENCES = 32
_GROUP_TOKENS = 512  # attention is computed between all tokens of a batch, of other texts too
_POOLED = (lib.LLAMA_POOLING_TYPE_MEAN, lib.LLAMA_POOLING_TYPE_CLS, lib.LLAMA_POOLING_TYPE_LAST)


class LlamaEmbedder:
    """`Embedder` on one llama.cpp context. Texts over `max_tokens` are embedded by their beginning, and
    the closing token the model was trained with stays; `count_tokens` lets a caller cut them better.

    What the model wants before a question and before a passage ("query: ", "passage: " of the E5
    family) is in the GGUF's metadata, `aion.embedding.query_prefix` and `.passage_prefix`.
    """

    def __init__(self, model: Model, n_threads: int, gate: ComputeGate, n_batch: int = 2048) -> None:
        self._model = model
        self._gate = gate
        self._lock = threading.Lock()
        self.max_tokens = min(model.n_ctx_effective, n_batch)
        self._query_prefix = model.metadata("aion.embedding.query_prefix") or ""
        self._passage_prefix = model.metadata("aion.embedding.passage_prefix") or ""
        self._n_group = min(n_batch, _GROUP_TOKENS)
        self._context = _new_context(model, n_batch, n_threads)
        self._batch = lib.llama_batch_init(n_batch, 0, 1)

    @property
    def name(self) -> str:
        """Of the model and what its passages begin with: stored vectors hold for both together only."""
        name = f"{self._model.name}:{self.n_dims}"
        if not self._passage_prefix:
            return name
        return f"{name}:{hashlib.sha256(self._passage_prefix.encode()).hexdigest()[:8]}"

    @property
    def n_dims(self) -> int:
        return self._model.n_embd

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as a passage, its prefix and special tokens included."""
        return len(self._tokens(self._passage_prefix + text))

    def embed_query(self, text: str) -> Vectors:
        vector: Vectors = self._embed([self._query_prefix + text])[0]
        return vector

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self._passage_prefix + text for text in texts])

    def close(self) -> None:
        with self._lock:
            if self._context:
                lib.llama_batch_free(self._batch)
                lib.llama_free(self._context)
                self._context = None

    def _tokens(self, text: str) -> list[int]:
        return self._model.tokenize_text(text) or self._model.tokenize_text(" ")

    def _cut(self, tokens: list[int]) -> list[int]:
        """At most `max_tokens`, ending as the whole text ends when that is a closing token."""
        if len(tokens) <= self.max_tokens:
            return tokens
        if tokens[-1] in self._model.closing_tokens:
            return [*tokens[: self.max_tokens - 1], tokens[-1]]
        return tokens[: self.max_tokens]

    def _embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), n_dims), each of length 1; zeros for a text without tokens."""
        vectors = np.zeros((len(texts), self.n_dims), np.float32)
        group: list[tuple[int, list[int]]] = []
        n_tokens = 0
        for index, text in enumerate(texts):
            tokens = self._cut(self._tokens(text))
            if group and (n_tokens + len(tokens) > self._n_group or len(group) == _MAX_SEQUENCES):
                self._compute(group, vectors)
                group, n_tokens = [], 0
            group.append((index, tokens))
            n_tokens += len(tokens)
        if group:
            self._compute(group, vectors)
        return vectors

    def _compute(self, group: list[tuple[int, list[int]]], vectors: Vectors) -> None:
        with self._lock, self._gate:
            if not self._context:
                raise EngineFailed("The embedder is closed; ask again when AION is back.")
            self._fill(group)
            status = self._evaluate()
            if status != 0:
                raise EngineFailed(f"llama.cpp could not embed {len(group)} texts (status {status}).")
            for row, (index, _) in enumerate(group):
                pointer = lib.llama_get_embeddings_seq(self._context, row)
                vector = np.ctypeslib.as_array(pointer, (self.n_dims,))
                vectors[index] = vector / max(float(np.linalg.norm(vector)), 1e-12)

    def _evaluate(self) -> int:
        """Compute the filled batch; llama.cpp's status, 0 when all went well."""
        memory = lib.llama_get_memory(self._context)
        if not memory:
            return int(lib.llama_encode(self._context, self._batch))
        lib.llama_memory_clear(memory, True)
        return int(lib.llama_decode(self._context, self._batch))

    def _fill(self, group: list[tuple[int, list[int]]]) -> None:
        n = 0
        for row, (_, tokens) in enumerate(group):
            for position, token in enumerate(tokens):
                self._batch.token[n] = token
                self._batch.pos[n] = position
                self._batch.n_seq_id[n] = 1
                self._batch.seq_id[n][0] = row
                self._batch.logits[n] = 1
                n += 1
        self._batch.n_tokens = n


def _new_context(model: Model, n_batch: int, n_threads: int) -> Any:
    params = lib.llama_context_default_params()
    params.n_ctx = n_batch
    params.n_batch = params.n_ubatch = n_batch
    params.n_seq_max = _MAX_SEQUENCES
    params.n_threads = params.n_threads_batch = n_threads
    params.embeddings = True
    params.kv_unified = True
    forget_complaints()
    context = lib.llama_init_from_model(model.handle, params)
    if not context:
        raise ModelError(
            f"No context could be made to embed with {model.path} ({first_complaint()}); "
            "name another GGUF in AION_EMBED_MODEL."
        )
    if lib.llama_pooling_type(context) not in _POOLED:
        lib.llama_free(context)
        raise ModelError(
            f"{model.path} cannot embed texts: its metadata names no pooling of tokens to one vector; "
            "name an embedding GGUF in AION_EMBED_MODEL."
        )
    return context
