"""Texts to vectors by an embedding GGUF: the pooling its metadata names, length 1. Thread-safe."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

import numpy as np

from aion.engine.gate import ComputeGate
from aion.engine.library import lib
from aion.engine.model import Model
from aion.engine.pooled import PooledContext
from aion.errors import ModelError
from aion.types import Vectors

_SETTING = "AION_EMBED_MODEL"
_REMEMBERED = 512  # passages: they are counted when they are cut, and then embedded
_LONGEST_REMEMBERED = 8_000  # characters
_POOLED = (lib.LLAMA_POOLING_TYPE_MEAN, lib.LLAMA_POOLING_TYPE_CLS, lib.LLAMA_POOLING_TYPE_LAST)


def embedder_name(model: Model) -> str:
    """Of the model and what its passages begin with: stored vectors hold for both together only."""
    name = f"{model.name}:{model.n_embd}"
    prefix = model.metadata("aion.embedding.passage_prefix")
    return f"{name}:{hashlib.sha256(prefix.encode()).hexdigest()[:8]}" if prefix else name


class LlamaEmbedder:
    """`Embedder` on one llama.cpp context. Texts over `max_tokens` are embedded by their beginning, and
    the closing token the model was trained with stays; `count_tokens` lets a caller cut them better.

    What the model wants before a question and before a passage ("query: ", "passage: " of the E5
    family) is in the GGUF's metadata, `aion.embedding.query_prefix` and `.passage_prefix`.
    """

    def __init__(self, model: Model, n_threads: int, gate: ComputeGate, n_batch: int = 2048) -> None:
        self._model = model
        self.query_prefix = model.metadata("aion.embedding.query_prefix") or ""
        self.passage_prefix = model.metadata("aion.embedding.passage_prefix") or ""
        self._remembered = functools.lru_cache(_REMEMBERED)(self._tokenized)
        self._context = PooledContext(model, model.n_embd, n_threads, gate, n_batch, _SETTING)
        if self._context.pooling not in _POOLED:
            self._context.close()
            raise ModelError(
                f"{model.path} cannot embed texts: its metadata names no pooling of tokens to one vector; "
                f"name an embedding GGUF in {_SETTING}."
            )

    @property
    def name(self) -> str:
        """As `embedder_name`."""
        return embedder_name(self._model)

    @property
    def model_name(self) -> str:
        """What its maker calls it."""
        return self._model.name

    @property
    def n_dims(self) -> int:
        return self._model.n_embd

    @property
    def n_vocab(self) -> int:
        return self._model.n_vocab

    @property
    def max_tokens(self) -> int:
        """Of one text, its prefix and special tokens included."""
        return self._context.max_tokens

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as a passage, its prefix and special tokens included."""
        return len(self._tokens_of_passage(text))

    def tokenize(self, text: str) -> list[int]:
        """Token ids of `text` as it is, special tokens around it."""
        return list(self._tokenized(text))

    def embed_query(self, text: str) -> Vectors:
        vector: Vectors = self.embed_tokens([self.tokenize(self.query_prefix + text)])[0]
        return vector

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Of documents, so in background: questions and answers go first."""
        inputs = [self._tokens_of_passage(text) for text in texts]
        return self.embed_tokens(inputs, in_background=True)

    def embed_tokens(self, inputs: Sequence[Sequence[int]], *, in_background: bool = False) -> Vectors:
        """Vectors of shape (len(inputs), n_dims), each of length 1; zeros for one without tokens. The ids
        are of this model, special tokens included. Raises EngineFailed."""
        vectors = self._context.compute([self._cut(tokens) for tokens in inputs], in_background=in_background)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors

    def close(self) -> None:
        self._context.close()

    def _tokens_of_passage(self, text: str) -> tuple[int, ...]:
        is_long = len(text) > _LONGEST_REMEMBERED
        return (self._tokenized if is_long else self._remembered)(self.passage_prefix + text)

    def _tokenized(self, text: str) -> tuple[int, ...]:
        return tuple(self._model.tokenize_text(text) or self._model.tokenize_text(" "))

    def _cut(self, tokens: Sequence[int]) -> Sequence[int]:
        """At most `max_tokens`, ending as the whole text ends when that is a closing token."""
        if len(tokens) <= self.max_tokens:
            return tokens
        if tokens[-1] in self._model.closing_tokens:
            return [*tokens[: self.max_tokens - 1], tokens[-1]]
        return tokens[: self.max_tokens]
