"""Logits as llama.cpp's samplers take them: one array of (token, logit, probability), filled from numpy.

Owned by the engine thread.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aion.engine.library import lib

_DTYPE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


def logits_row(context: Any, row: int, n_vocab: int) -> NDArray[np.float32]:
    """The logits of row `row` of the last batch, shape (n_vocab,): a view that the next batch overwrites."""
    pointer = lib.llama_get_logits_ith(context, row)
    address = ctypes.addressof(pointer.contents)
    memory: Any = (ctypes.c_float * n_vocab).from_address(address)
    return np.asarray(np.frombuffer(memory, np.float32))


class Candidates:
    """A reusable array of tokens. Samplers reorder and shorten it: `fill` starts anew."""

    def __init__(self, ids: NDArray[np.int32]) -> None:
        self._ids = ids
        self._data = np.empty(len(ids), _DTYPE)
        self.array: Any = lib.llama_token_data_array()

    @classmethod
    def of_vocabulary(cls, n_vocab: int) -> Candidates:
        """All tokens."""
        return cls(np.arange(n_vocab, dtype=np.int32))

    def fill(self, logits: NDArray[np.float32] | float) -> None:
        self._data["id"] = self._ids
        self._data["logit"] = logits
        self._data["p"] = 0.0
        self.array.data = self._data.ctypes.data_as(lib.llama_token_data_p)
        self.array.size = len(self._data)
        self.array.selected = -1
        self.array.sorted = False

    def parts(self, n_each: int) -> Iterator[Any]:
        """What was filled in, as arrays of up to `n_each` tokens that lie in it."""
        first = ctypes.addressof(self.array.data.contents)
        for at in range(0, int(self.array.size), n_each):
            part: Any = lib.llama_token_data_array()
            part.data = ctypes.cast(first + at * _DTYPE.itemsize, lib.llama_token_data_p)
            part.size = min(n_each, int(self.array.size) - at)
            part.selected = -1
            yield part

    def choose(self, chain: Any) -> None:
        """Run a sampler chain over what is held; `selected` is its choice then."""
        lib.llama_sampler_apply(chain, ctypes.byref(self.array))

    def possible(self) -> NDArray[np.int32]:
        """The tokens whose logits are not minus infinity, in the order they stand."""
        held = self.held()
        return np.asarray(held["id"][held["logit"] > -np.inf], np.int32)

    @property
    def selected(self) -> int:
        """The token a chain chose."""
        return int(self.array.data[self.array.selected].id)

    def held(self) -> NDArray[Any]:
        """What the samplers left: records of `id`, `logit` and `p`. Some samplers move them elsewhere."""
        n_bytes = int(self.array.size) * _DTYPE.itemsize
        address = ctypes.addressof(self.array.data.contents)
        memory: Any = (ctypes.c_char * n_bytes).from_address(address)
        return np.asarray(np.frombuffer(memory, _DTYPE))
