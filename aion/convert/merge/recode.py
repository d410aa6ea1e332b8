"""The bytes of a merged tensor: a block of rows is decoded, changed and encoded at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType as Ggml
from numpy.typing import NDArray

from aion.convert.encode import encode, refuse_unusable
from aion.convert.gguf_file import GgufFile
from aion.convert.merge.gguf_adapter import Change
from aion.convert.merge.gguf_plan import MergedTensor
from aion.errors import CheckpointError
from aion.types import RowQuantizer

BLOCK_VALUES = 1 << 19
_PIECE_BYTES = 1 << 22
_FAST = {Ggml.F32, Ggml.F16, Ggml.BF16, Ggml.Q8_0}
# What gguf encodes by itself
_BUILT_IN = {Ggml.F32, Ggml.F16, Ggml.BF16, Ggml.Q8_0, Ggml.Q4_0, Ggml.Q4_1, Ggml.Q5_0, Ggml.Q5_1}


def check_encodable(tensor: MergedTensor, quantizer: RowQuantizer | None) -> None:
    """Refuse, before anything is written, a tensor whose type cannot be made again."""
    if tensor.is_copied or tensor.kind in _BUILT_IN:
        return
    if quantizer is None:
        raise CheckpointError(
            f"{tensor.name} is {tensor.kind.name}, which takes llama.cpp's quantiser; merge to f16 instead."
        )
    quantizer(np.zeros((1, tensor.source.shape[-1]), np.float32), int(tensor.kind))


def encoded_blocks(
    model: GgufFile, tensor: MergedTensor, quantizer: RowQuantizer | None
) -> Iterator[Callable[[], NDArray[Any]]]:
    """Functions that make the tensor's bytes, about `BLOCK_VALUES` values each; when nothing changes they
    only read them."""
    source = tensor.source
    if tensor.is_copied:
        for begin in range(0, source.n_bytes, _PIECE_BYTES):
            yield partial(model.read, source.name, begin, min(begin + _PIECE_BYTES, source.n_bytes))
        return
    changes = [adapter.change(tensor.name) for adapter in tensor.adapters]
    step = max(1, BLOCK_VALUES // source.shape[-1])
    for start in range(0, source.n_rows, step):
        yield partial(_block, model, tensor, changes, quantizer, start, min(start + step, source.n_rows))


def _block(
    model: GgufFile,
    tensor: MergedTensor,
    changes: Sequence[Change],
    quantizer: RowQuantizer | None,
    start: int,
    stop: int,
) -> NDArray[Any]:
    rows = model.rows(tensor.source.name, start, stop)
    with np.errstate(all="ignore"):
        for change in changes:
            rows = change(rows, start, stop)
    if changes and not np.isfinite(rows).all():
        paths = ", ".join(str(adapter.path) for adapter in tensor.adapters)
        raise CheckpointError(f"Merging {paths} makes {tensor.name} NaN or Inf; use a smaller scale.")
    if quantizer is None or tensor.kind in _FAST:
        return encode(rows, tensor.name, tensor.kind)
    refuse_unusable(rows, tensor.name, tensor.kind)
    return quantizer(rows, int(tensor.kind))
