"""Merges a PEFT adapter into a Hugging Face checkpoint, whatever the adapter holds, without torch.

For what no runtime adapter can say: DoRA, modules_to_save, trained biases and tokens, a grown vocabulary.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from gguf import GGMLQuantizationType as Ggml
from numpy.typing import NDArray

from aion.convert.checkpoint import Checkpoint
from aion.convert.encode import encode
from aion.convert.half import bf16_to_f32
from aion.convert.lora.pairs import F32, TrainedTokens
from aion.convert.lora.peft import read_adapter
from aion.convert.merge.checkpoint_plan import Plan, PlannedTensor, plan
from aion.convert.merge.folder import copy_others, refuse_folder
from aion.convert.merge.low_rank import Rows, blocks, merged
from aion.convert.merge.tokens import adds_tokens
from aion.convert.output import Progress
from aion.convert.safetensors_writer import SafeTensor, write_safetensors
from aion.errors import CheckpointError
from aion.partial import whole_folder

MergedType = Literal["keep", "f32", "f16", "bf16"]
_DTYPES = {"f32": "F32", "f16": "F16", "bf16": "BF16"}
_KINDS = {"F32": Ggml.F32, "F16": Ggml.F16, "BF16": Ggml.BF16}
_TORCH = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}
_PIECE_BYTES = 1 << 22


def merge_checkpoint(
    base: Path,
    adapter: Path,
    out: Path,
    *,
    dtype: MergedType = "keep",
    allow_pickle: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write the checkpoint folder `base` with the PEFT or mlx-lm folder `adapter` made part of it to the
    folder `out`, which `transformers` and `convert` read like any other; return `out`.

    Computed in float32, each tensor stored as the base has it (`dtype` "keep") or all as one type. What is
    not changed keeps its bytes. The tokenizer is the base's, or the adapter's where that has tokens of its
    own or the vocabulary has grown. `allow_pickle` reads .bin files where there are no others. `progress` is
    called with (tensor, number from 1, count). CheckpointError for all that is wrong, and nothing is left
    behind.
    """
    if dtype not in get_args(MergedType):
        raise CheckpointError(f"The type {dtype!r} is unknown; use one of {', '.join(get_args(MergedType))}.")
    refuse_folder(out, overwrite, base, adapter)
    checkpoint = Checkpoint(base, allow_pickle=allow_pickle)
    read = read_adapter(adapter, allow_pickle=allow_pickle)
    for key in ("quantization_config", "compression_config"):
        if checkpoint.config.get(key):
            raise CheckpointError(f"{base} is quantised ({key}); merge into the model it was made from.")
    planned = plan(checkpoint, read)
    try:
        with whole_folder(out) as folder:
            has_grown = planned.n_vocab is not None or adds_tokens(base, adapter)
            copy_others(base, adapter, folder, adapter_tokenizer=has_grown)
            config = _config(checkpoint, planned, dtype)
            (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            write_safetensors(folder, [_output(checkpoint, t, dtype) for t in planned.tensors], progress)
    except OSError as error:
        raise CheckpointError(
            f"{out} cannot be written ({error.strerror or error}); free space or name another place."
        ) from error
    return out


def _config(checkpoint: Checkpoint, planned: Plan, dtype: MergedType) -> dict[str, Any]:
    config = dict(checkpoint.config)
    if planned.n_vocab is not None:
        config["vocab_size"] = planned.n_vocab
    if planned.is_untied:
        config["tie_word_embeddings"] = False
    if dtype != "keep":
        config["dtype" if "dtype" in config else "torch_dtype"] = _TORCH[dtype]
    return config


def _output(checkpoint: Checkpoint, tensor: PlannedTensor, dtype: MergedType) -> SafeTensor:
    is_real = tensor.dtype in _KINDS and tensor.shape != ()
    stored = _DTYPES[dtype] if dtype != "keep" and is_real else tensor.dtype
    if stored == tensor.dtype and not tensor.is_changed:
        return SafeTensor(tensor.name, stored, tensor.shape, partial(_copied, checkpoint, tensor))
    return SafeTensor(tensor.name, stored, tensor.shape, partial(_computed, checkpoint, tensor, stored))


def _copied(checkpoint: Checkpoint, tensor: PlannedTensor) -> Iterator[Callable[[], NDArray[np.uint8]]]:
    assert isinstance(tensor.source, str)
    n_bytes = checkpoint.n_bytes(tensor.source)
    for begin in range(0, n_bytes, _PIECE_BYTES):
        yield partial(checkpoint.read_bytes, tensor.source, begin, min(begin + _PIECE_BYTES, n_bytes))


def _computed(
    checkpoint: Checkpoint, tensor: PlannedTensor, stored: str
) -> Iterator[Callable[[], NDArray[Any]]]:
    """Functions that make a block of rows each; a vector counts as rows of one value."""
    shape = (tensor.shape[0], math.prod(tensor.shape[1:]))
    rows = _source(checkpoint, tensor, shape[1])
    if tensor.pair is not None:
        rows = merged(rows, tensor.pair, shape)
    if tensor.bias is not None:
        rows = partial(_plus, rows, tensor.bias)
    if tensor.tokens is not None:
        rows = partial(_with_tokens, rows, tensor.tokens)
    for begin, end in blocks(shape):
        yield partial(_encoded, rows, tensor, stored, begin, end)


def _source(checkpoint: Checkpoint, tensor: PlannedTensor, width: int) -> Rows:
    if isinstance(tensor.source, str):
        return partial(_base_rows, checkpoint, tensor.source, width)
    whole = tensor.source.f32().reshape(-1, width)
    return lambda begin, end: whole[begin:end]


def _base_rows(checkpoint: Checkpoint, name: str, width: int, begin: int, end: int) -> F32:
    rows = checkpoint.read(name, begin, end).reshape(-1, width)
    return bf16_to_f32(rows) if rows.dtype == np.uint16 else rows.astype(np.float32, copy=False)


def _plus(source: Rows, bias: F32, begin: int, end: int) -> F32:
    return np.asarray(source(begin, end) + bias[begin:end, None])


def _with_tokens(source: Rows, trained: TrainedTokens, begin: int, end: int) -> F32:
    rows = source(begin, end).copy()
    for token, row in zip(trained.tokens, trained.rows, strict=True):
        if begin <= token < end:
            rows[token - begin] = row
    return rows


def _encoded(rows: Rows, tensor: PlannedTensor, stored: str, begin: int, end: int) -> NDArray[Any]:
    with np.errstate(all="ignore"):
        made = rows(begin, end)
    if tensor.is_changed and not np.isfinite(made).all():
        raise CheckpointError(
            f"The merge makes {tensor.name} NaN or Inf; one of the two is broken, take an earlier one."
        )
    return encode(made, tensor.name, _KINDS[stored])
