"""The tokens of one computation in the arrays that llama.cpp reads. Knows what none of them means."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aion.engine.library import lib

Rows = NDArray[np.float32]
Whole = Sequence[int] | NDArray[np.integer[Any]]
"""An integer a token."""
_INTS = ctypes.POINTER(ctypes.c_int32)


class TokenBatch:
    """Room for `n_most` tokens, or with `n_embd` for as many input embeddings of that size. Belongs to one
    computation at a time.

    Filled by whole arrays: one value of ctypes a token takes longer than all else Python does for a step.
    """

    def __init__(self, n_most: int, n_embd: int = 0) -> None:
        self._inputs = np.zeros((n_most, n_embd), np.float32) if n_embd else np.zeros(n_most, np.int32)
        self._positions, self._slots = np.zeros(n_most, np.int32), np.zeros(n_most, np.int32)
        self._wanted = np.zeros(n_most, np.int8)
        self._one_each = np.ones(n_most, np.int32)
        each = np.arange(n_most, dtype=np.uintp) * self._slots.itemsize
        self._slot_of_each = each + self._slots.ctypes.data
        struct: Any = lib.llama_batch()
        if n_embd:
            struct.embd = self._inputs.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        else:
            struct.token = self._inputs.ctypes.data_as(_INTS)
        struct.pos = self._positions.ctypes.data_as(_INTS)
        struct.n_seq_id = self._one_each.ctypes.data_as(_INTS)
        struct.seq_id = self._slot_of_each.ctypes.data_as(ctypes.POINTER(_INTS))
        struct.logits = self._wanted.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))
        self._struct = struct

    def fill(self, inputs: Whole | Rows, positions: Whole, slots: Whole, wanted: Whole) -> Any:
        """A `llama_batch` of these tokens (or rows), valid until the next: each with its place in the
        sequence of its slot, and 1 where logits or an embedding of it are wanted."""
        n = len(inputs)
        self._inputs[:n] = inputs
        self._positions[:n] = positions
        self._slots[:n] = slots
        self._wanted[:n] = wanted
        self._struct.n_tokens = n
        return self._struct
