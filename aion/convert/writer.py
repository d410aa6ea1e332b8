"""Converts a Hugging Face checkpoint: which tensors, which types, in which order. How a family's
tensors are called it learns from the architecture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import gguf
from numpy.typing import NDArray

from aion.convert.architectures.architecture import Architecture, TensorPlan
from aion.convert.architectures.registry import architecture_of, refuse_quantized
from aion.convert.card import Card, read_card
from aion.convert.checkpoint import Checkpoint
from aion.convert.encode import FILE_TYPES, FileType, encode, tensor_type
from aion.convert.key_values import KeyValueWriter
from aion.convert.metadata import add_general, add_sampling, add_value, add_vocabulary
from aion.convert.output import OutputTensor, Progress, refuse_existing, refuse_source, write_gguf
from aion.convert.vocab.read import read_vocabulary
from aion.errors import CheckpointError

_CHUNK_WEIGHTS = 1 << 18  # read and encoded at once: within a core's second-level cache


def convert(
    folder: Path,
    out: Path,
    file_type: FileType = "f16",
    name: str | None = None,
    progress: Progress | None = None,
    *,
    overwrite: bool = False,
    chat_template: str | None = None,
    card: Card | None = None,
    allow_pickle: bool = False,
) -> Path:
    """Convert the Hugging Face checkpoint in `folder` to the GGUF file `out`, and return `out`.

    Vectors stay f32; a matrix whose rows are no multiple of 32 is f16 in a q8_0 file. `progress` is
    called with (tensor, number from 1, count) before each. `chat_template` replaces the checkpoint's;
    `card` what its README says. `allow_pickle` reads pytorch_model.bin where there is no safetensors.
    Raises CheckpointError.
    """
    if file_type not in FILE_TYPES:
        raise CheckpointError(f"The type {file_type!r} is unknown; use one of {', '.join(FILE_TYPES)}.")
    refuse_existing(out, overwrite)
    checkpoint = Checkpoint(folder, allow_pickle=allow_pickle)
    refuse_source(out, checkpoint.files)
    refuse_quantized(checkpoint)
    architecture = architecture_of(checkpoint)
    plans = _checked(checkpoint, architecture)
    writer = KeyValueWriter(None, architecture.names.gguf)
    about = (card or Card()).over(read_card(folder))
    n_weights = sum(math.prod(plan.shape) for plan in plans)
    add_general(writer, about, name or folder.resolve().name, file_type, n_weights)
    for key, value in architecture.metadata().items():
        add_value(writer, key, value)
    add_sampling(writer, checkpoint)
    add_vocabulary(writer, read_vocabulary(checkpoint, chat_template))
    write_gguf(writer, _outputs(checkpoint, architecture, plans, file_type), out, progress)
    return out


def _outputs(
    checkpoint: Checkpoint, architecture: Architecture, plans: list[TensorPlan], file_type: FileType
) -> list[OutputTensor]:
    outputs = []
    for plan in plans:
        kind = gguf.GGMLQuantizationType.F32 if plan.f32 else tensor_type(plan.shape, file_type)
        outputs.append(OutputTensor(plan.name, plan.shape, kind, partial(_chunks, checkpoint, plan, kind)))
    for made in architecture.computed():
        kind = gguf.GGMLQuantizationType.F32
        outputs.append(OutputTensor(made.name, made.values.shape, kind, partial(iter, [made.values])))
    return outputs


def _chunks(
    checkpoint: Checkpoint, plan: TensorPlan, kind: gguf.GGMLQuantizationType
) -> Iterable[Callable[[], NDArray[Any]]]:
    """Functions that read and encode a few rows each."""
    n_rows, *row = plan.shape
    step = max(1, _CHUNK_WEIGHTS // max(1, math.prod(row)))
    for begin in range(0, n_rows, step):
        yield partial(_encoded, checkpoint, plan, kind, begin, min(begin + step, n_rows))


def _encoded(
    checkpoint: Checkpoint, plan: TensorPlan, kind: gguf.GGMLQuantizationType, begin: int, end: int
) -> NDArray[Any]:
    if plan.rows is None:
        return encode(checkpoint.read(plan.source, begin, end), plan.source, kind)
    wanted = plan.rows[begin:end]
    first, last = int(wanted.min()), int(wanted.max())
    rows = checkpoint.read(plan.source, first, last + 1)
    return encode(rows[wanted - first], plan.source, kind)


def _checked(checkpoint: Checkpoint, architecture: Architecture) -> list[TensorPlan]:
    """The plans, when the checkpoint has exactly their tensors in their shapes."""
    plans, present = architecture.tensors(), set(checkpoint.names)
    for plan in plans:
        if plan.source not in present:
            raise CheckpointError(f"{checkpoint.folder} lacks the tensor {plan.source}; download it whole.")
        shape = checkpoint.shape(plan.source)
        if not _fits(shape, plan):
            raise CheckpointError(
                f"{checkpoint.folder} has {plan.source} of shape {list(shape)} where config.json asks for "
                f"{list(plan.shape)}; take both from one checkpoint."
            )
    known = {plan.source for plan in plans}
    for name in checkpoint.names:
        if name not in known and not architecture.is_ignored(name):
            raise CheckpointError(
                f"{checkpoint.folder} has the tensor {name}, which {checkpoint.architecture} does not have; "
                "correct `architectures` in config.json or merge it first."
            )
    return plans


def _fits(shape: tuple[int, ...], plan: TensorPlan) -> bool:
    """Whether a tensor of `shape` gives what is planned; with `rows`, they must all be there."""
    if plan.rows is None:
        return shape == plan.shape
    n_rows = int(plan.rows.max(initial=-1)) + 1
    return shape[1:] == plan.shape[1:] and len(plan.rows) == plan.shape[0] and shape[0] >= n_rows
