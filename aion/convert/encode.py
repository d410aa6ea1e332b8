"""How weights are stored: GGUF's types, their sizes, and exact encoding of float32 rows into them."""

from __future__ import annotations

import math
from typing import Any, Literal

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Ggml
from numpy.typing import NDArray

from aion.errors import CheckpointError

FileType = Literal["f32", "f16", "bf16", "q8_0"]

# general.file_type (llama.cpp's llama_ftype) and the type of matrices
FILE_TYPES: dict[str, tuple[int, Ggml]] = {
    "f32": (0, Ggml.F32),
    "f16": (1, Ggml.F16),
    "bf16": (32, Ggml.BF16),
    "q8_0": (7, Ggml.Q8_0),
}
_BLOCK = 32
_F16_MAX = 65504.0
_LIMITS = {Ggml.F16: _F16_MAX, Ggml.Q8_0: _F16_MAX * 127}


def tensor_type(shape: tuple[int, ...], file_type: FileType) -> Ggml:
    """The type of one tensor in a file of `file_type`: vectors are f32, and a matrix whose rows are no
    multiple of 32 is f16 in a q8_0 file."""
    if len(shape) < 2:
        return Ggml.F32
    if file_type == "q8_0" and shape[-1] % _BLOCK:
        return Ggml.F16
    return FILE_TYPES[file_type][1]


def n_bytes(shape: tuple[int, ...], kind: Ggml) -> int:
    """Bytes of a tensor of `shape` stored as `kind`."""
    per_block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    return math.prod(shape) // per_block * block_bytes


def encode(rows: NDArray[np.float32], name: str, kind: Ggml) -> NDArray[Any]:
    """`rows` of the tensor `name` as `kind`. CheckpointError for NaN, Inf and what the type cannot hold."""
    refuse_unusable(rows, name, kind)
    if kind == Ggml.F32:
        return rows
    if kind == Ggml.F16:
        return rows.astype(np.float16)
    quantized: NDArray[Any] = gguf.quantize(rows, kind)
    return quantized


def refuse_unusable(rows: NDArray[np.float32], name: str, kind: Ggml) -> None:
    largest = float(np.maximum(rows.max(initial=0.0), -rows.min(initial=0.0)))
    if not math.isfinite(largest):
        what = "NaN" if math.isnan(largest) else "Inf"
        raise CheckpointError(
            f"The tensor {name} holds {what}; the checkpoint is broken, take an earlier one."
        )
    limit = _LIMITS.get(kind, math.inf)
    if largest > limit:
        raise CheckpointError(
            f"The tensor {name} holds {largest:.6g}, and {kind.name} ends at {limit:.6g}; use bf16 or f32."
        )
