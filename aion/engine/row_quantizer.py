"""Rows of float32 to any of ggml's types, by llama.cpp's own C. Knows no files and no tensors' names."""

from __future__ import annotations

import ctypes

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Ggml
from llama_cpp._ggml import libggml
from numpy.typing import NDArray

from aion.errors import ModelError

_PLAIN = {Ggml.F32, Ggml.F16, Ggml.BF16}
# These cannot be made without an importance matrix (ggml_quantize_requires_imatrix), and ggml would abort.
_NEED_IMATRIX = {Ggml.IQ2_XXS, Ggml.IQ2_XS, Ggml.IQ1_S}
_KINDS = {
    *_PLAIN, Ggml.Q4_0, Ggml.Q4_1, Ggml.Q5_0, Ggml.Q5_1, Ggml.Q8_0, Ggml.Q2_K, Ggml.Q3_K, Ggml.Q4_K,
    Ggml.Q5_K, Ggml.Q6_K, Ggml.IQ3_XXS, Ggml.IQ3_S, Ggml.IQ2_S, Ggml.IQ4_NL, Ggml.IQ4_XS, Ggml.TQ1_0,
    Ggml.TQ2_0,
}  # fmt: skip

_quantize_chunk = libggml.ggml_quantize_chunk
_quantize_chunk.restype = ctypes.c_size_t
_quantize_chunk.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64,
    ctypes.c_void_p,
]  # fmt: skip


def quantize_rows(rows: NDArray[np.float32], kind: int) -> NDArray[np.uint8]:
    """`rows` (n, k) as `kind` (a GGMLQuantizationType or its number), bytes of shape (n, bytes a row).

    Deterministic, and the same however the rows are cut into calls. Thread-safe; runs outside the GIL.
    ModelError for a type that is unknown or needs an importance matrix, for k that is no multiple of the
    type's block, and for NaN and Inf, which ggml would turn into anything.
    """
    known = _known(kind)
    per_block, block_bytes = gguf.GGML_QUANT_SIZES[known]
    n, k = rows.shape
    if k % per_block:
        raise ModelError(
            f"Rows of {k} values are no multiple of {known.name}'s {per_block}; use q8_0 or f16."
        )
    if not np.isfinite(rows).all():
        raise ModelError(f"NaN or Inf cannot be stored as {known.name}; the model is broken, take another.")
    source = np.ascontiguousarray(rows, np.float32)
    out = np.empty((n, k // per_block * block_bytes), np.uint8)
    if source.size:
        written = _quantize_chunk(int(known), source.ctypes.data, out.ctypes.data, 0, n, k, None)
        assert written == out.nbytes, (written, out.nbytes)
    return out


def _known(kind: int) -> Ggml:
    names = ", ".join(sorted(known.name.lower() for known in _KINDS))
    if kind in _NEED_IMATRIX:
        raise ModelError(f"{Ggml(kind).name} needs an importance matrix; use one of {names}.")
    if kind not in _KINDS:
        raise ModelError(f"Rows cannot be stored as ggml type {int(kind)}; use one of {names}.")
    return Ggml(kind)
