"""A small embedder without a model: a vector is the sum of fixed random directions, one a stem."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from aion.rag.stem import stems
from aion.types import Vectors


class HashingEmbedder:
    """Texts with common stems are near. Counts the texts it embedded."""

    def __init__(self, name: str = "hashing", n_dims: int = 64) -> None:
        self._name = name
        self._n_dims = n_dims
        self.n_embedded = 0
        self.batches: list[int] = []

    @property
    def name(self) -> str:
        return self._name

    @property
    def n_dims(self) -> int:
        return self._n_dims

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.n_embedded += len(texts)
        self.batches.append(len(texts))
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> Vectors:
        vector = sum((self._direction(stem) for stem in stems(text)), self._direction("")) * 1.0
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def _direction(self, stem: str) -> Vectors:
        seed = zlib.crc32(stem.encode("utf-8", "replace"))
        return np.random.default_rng(seed).standard_normal(self._n_dims).astype(np.float32)
