"""How weights are stored: GGUF's types, their sizes, and exact encoding of rows into them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Ggml
from numpy.typing import NDArray

from aion.convert.half import bf16_to_f16, bf16_to_f32, f32_to_bf16
from aion.convert.q8_0 import BLOCK, quantize_q8_0
from aion.errors import CheckpointError

FileType = Literal["f32", "f16", "bf16", "q8_0"]

# general.file_type (llama.cpp's llama_ftype) and the type of matrices
FILE_TYPES: dict[str, tuple[int, Ggml]] = {
    "f32": (0, Ggml.F32),
    "f16": (1, Ggml.F16),
    "bf16": (32, Ggml.BF16),
    "q8_0": (7, Ggml.Q8_0),
}
_F16_MAX = 65504.0
_BF16_MAX = float(np.uint32(0x7F7F7FFF).view(np.float32))  # the next float32 would round to infinity
_LIMITS = {Ggml.F16: _F16_MAX, Ggml.BF16: _BF16_MAX, Ggml.Q8_0: _F16_MAX * 127}
_OF_DTYPE = {np.dtype("<f4"): Ggml.F32, np.dtype("<f2"): Ggml.F16, np.dtype("<u2"): Ggml.BF16}
_ENCODERS: dict[Ggml, Callable[[NDArray[np.float32]], NDArray[Any]]] = {
    Ggml.F32: np.asarray,
    Ggml.BF16: f32_to_bf16,
    Ggml.Q8_0: quantize_q8_0,
}


def tensor_type(shape: tuple[int, ...], file_type: FileType) -> Ggml:
    """The type of one tensor in a file of `file_type`: vectors are f32, and a matrix whose rows are no
    multiple of 32 is f16 in a q8_0 file."""
    if len(shape) < 2:
        return Ggml.F32
    if file_type == "q8_0" and shape[-1] % BLOCK:
        return Ggml.F16
    return FILE_TYPES[file_type][1]


def n_bytes(shape: tuple[int, ...], kind: Ggml) -> int:
    """Bytes of a tensor of `shape` stored as `kind`."""
    per_block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    return math.prod(shape) // per_block * block_bytes


def encode(rows: NDArray[Any], name: str, kind: Ggml) -> NDArray[Any]:
    """`rows` of the tensor `name` as `kind`: float32, float16, or bfloat16 as its bits in uint16, and the
    result may be `rows` itself. Rounded to nearest, ties to even; Q8_0 bit for bit as ggml does it.
    CheckpointError for NaN, Inf and what the type cannot hold."""
    refuse_unusable(rows, name, kind)
    if kind == _OF_DTYPE.get(rows.dtype):
        return rows
    if kind == Ggml.F16:
        return bf16_to_f16(rows) if rows.dtype == np.uint16 else rows.astype(np.float16)
    wide = bf16_to_f32(rows) if rows.dtype == np.uint16 else rows.astype(np.float32, copy=False)
    if kind in _ENCODERS:
        return _ENCODERS[kind](wide)
    encoded: NDArray[Any] = gguf.quantize(wide, kind)
    return encoded


def refuse_unusable(rows: NDArray[Any], name: str, kind: Ggml) -> None:
    """CheckpointError when `rows` hold NaN, Inf or more than `kind` can."""
    largest = _largest(rows)
    if not math.isfinite(largest):
        what = "NaN" if math.isnan(largest) else "Inf"
        raise CheckpointError(
            f"The tensor {name} holds {what}; the checkpoint is broken, take an earlier one."
        )
    limit = _LIMITS.get(kind, math.inf)
    if largest > limit:
        wider = "f32" if kind == Ggml.BF16 else "bf16 or f32"
        raise CheckpointError(
            f"The tensor {name} holds {largest:.6g}, and {kind.name} ends at {limit:.6g}; use {wider}."
        )


def _largest(rows: NDArray[Any]) -> float:
    """The largest magnitude, NaN when there is one. Of 16-bit floats the bits without the sign grow with
    the magnitude, and NaN has the largest."""
    if rows.dtype == np.float32:
        return float(np.maximum(rows.max(initial=0.0), -rows.min(initial=0.0)))
    bits = (rows.view(np.uint16) & np.uint16(0x7FFF)).max(initial=np.uint16(0), keepdims=True)
    largest = bits.view(np.float16) if rows.dtype == np.float16 else bf16_to_f32(bits)
    return float(largest.reshape(-1)[0])
