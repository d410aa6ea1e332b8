"""Writes a checkpoint as one GGUF file, a tensor at a time, whole or not at all.

Owns the output: its types, its metadata, its temporary name. What a family's tensors are called it
learns from the architecture.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Ggml

from aion.convert.architecture import F32, Architecture, Factory, TensorPlan
from aion.convert.card import Card, read_card
from aion.convert.checkpoint import Checkpoint
from aion.convert.mistral import ARCHITECTURES as MISTRAL
from aion.convert.mistral import Mistral
from aion.convert.vocabulary import LEADING_SPACE_KEY, Vocabulary, read_vocabulary
from aion.errors import CheckpointError

FileType = Literal["f32", "f16", "bf16", "q8_0"]
Progress = Callable[[str, int, int], None]

# general.file_type (llama.cpp's llama_ftype) and the type of matrices
_FILE_TYPES: dict[str, tuple[int, Ggml]] = {
    "f32": (0, Ggml.F32),
    "f16": (1, Ggml.F16),
    "bf16": (32, Ggml.BF16),
    "q8_0": (7, Ggml.Q8_0),
}
_BLOCK = 32
_F16_MAX = 65504.0
_REGISTRY: dict[str, Factory] = dict.fromkeys(MISTRAL, Mistral)

logging.getLogger("gguf.gguf_writer").setLevel(logging.WARNING)


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
) -> Path:
    """Convert the Hugging Face checkpoint in `folder` to the GGUF file `out`, and return `out`.

    Memory: a few copies of the largest tensor. Vectors stay f32; a matrix whose rows are no multiple
    of 32 is f16 in a q8_0 file. `progress` is called with (tensor, number from 1, count) before each.
    `chat_template` replaces the checkpoint's; `card` what its README says. Raises CheckpointError.
    """
    if file_type not in _FILE_TYPES:
        raise CheckpointError(f"The type {file_type!r} is unknown; use one of {', '.join(_FILE_TYPES)}.")
    if out.exists() and not overwrite:
        raise CheckpointError(f"{out} exists already; delete it, name another, or ask to overwrite it.")
    checkpoint = Checkpoint(folder)
    architecture = _architecture(checkpoint)
    plans = _checked(checkpoint, architecture)
    types = [_tensor_type(plan.shape, file_type) for plan in plans]
    writer = gguf.GGUFWriter(None, architecture.gguf_name)
    about = (card or Card()).over(read_card(folder))
    _add_general(writer, about, name or folder.resolve().name, file_type, plans)
    for key, value in architecture.metadata().items():
        _add(writer, key, value)
    _add_sampling(writer, checkpoint)
    _add_vocabulary(writer, read_vocabulary(checkpoint, chat_template))
    for plan, kind in zip(plans, types, strict=True):
        dtype = np.dtype(np.float32)
        writer.add_tensor_info(plan.name, plan.shape, dtype, _n_bytes(plan.shape, kind), raw_dtype=kind)
    _write(_Job(checkpoint, writer, plans, types, progress), out)
    return out


@dataclass(frozen=True, slots=True)
class _Job:
    checkpoint: Checkpoint
    writer: gguf.GGUFWriter
    plans: list[TensorPlan]
    types: list[Ggml]
    progress: Progress | None


def _architecture(checkpoint: Checkpoint) -> Architecture:
    factory = _REGISTRY.get(checkpoint.architecture)
    if factory is None:
        path = checkpoint.folder / "config.json"
        raise CheckpointError(
            f"{path} names the architecture {checkpoint.architecture!r}; known are {', '.join(_REGISTRY)}."
        )
    return factory(checkpoint)


def _checked(checkpoint: Checkpoint, architecture: Architecture) -> list[TensorPlan]:
    """The plans, when the checkpoint has exactly their tensors in their shapes."""
    plans, present = architecture.tensors(), set(checkpoint.names)
    for plan in plans:
        if plan.source not in present:
            raise CheckpointError(f"{checkpoint.folder} lacks the tensor {plan.source}; download it whole.")
        shape = checkpoint.shape(plan.source)
        if shape != plan.shape:
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


def _tensor_type(shape: tuple[int, ...], file_type: FileType) -> Ggml:
    if len(shape) < 2:
        return Ggml.F32
    if file_type == "q8_0" and shape[-1] % _BLOCK:
        return Ggml.F16
    return _FILE_TYPES[file_type][1]


def _n_bytes(shape: tuple[int, ...], kind: Ggml) -> int:
    per_block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    return math.prod(shape) // per_block * block_bytes


def _add_general(
    writer: gguf.GGUFWriter, card: Card, name: str, file_type: FileType, plans: list[TensorPlan]
) -> None:
    n_weights = sum(math.prod(plan.shape) for plan in plans)
    writer.add_type("model")
    writer.add_name(name)
    writer.add_size_label(gguf.size_label(n_weights, 0, 0, 0))
    writer.add_file_type(_FILE_TYPES[file_type][0])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for key, value in card.metadata().items():
        writer.add_string(key, value)


def _add_sampling(writer: gguf.GGUFWriter, checkpoint: Checkpoint) -> None:
    """What generation_config.json recommends; values that are no numbers are left out."""
    adds: dict[str, Callable[[float], None]] = {
        "temperature": writer.add_sampling_temp,
        "top_p": writer.add_sampling_top_p,
        "top_k": lambda value: writer.add_sampling_top_k(int(value)),
    }
    for key, add in adds.items():
        value = checkpoint.generation_config.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            add(value)


def _add_vocabulary(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece.text for piece in vocabulary.tokens])
    writer.add_token_scores([piece.score for piece in vocabulary.tokens])
    writer.add_token_types([int(piece.type) for piece in vocabulary.tokens])
    names = {"unk": "unknown", "pad": "padding"}
    for kind, index in vocabulary.special.items():
        writer.add_uint32(f"tokenizer.ggml.{names.get(kind, kind)}_token_id", index)
    writer.add_add_bos_token(vocabulary.add_bos)
    writer.add_add_eos_token(vocabulary.add_eos)
    writer.add_add_space_prefix(vocabulary.add_space_prefix)
    writer.add_bool(LEADING_SPACE_KEY, vocabulary.leading_space)
    if vocabulary.chat_template is not None:
        writer.add_chat_template(vocabulary.chat_template)


def _add(writer: gguf.GGUFWriter, key: str, value: str | int | float | bool) -> None:
    adds: dict[type, Callable[[str, Any], None]] = {
        bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string,
    }  # fmt: skip
    adds[type(value)](key, value)


def _write(job: _Job, out: Path) -> None:
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        try:
            _stream(job, partial)
        finally:
            job.writer.close()
        partial.replace(out)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CheckpointError(
            f"{out} cannot be written ({reason}); free space or name another place."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _stream(job: _Job, path: Path) -> None:
    writer = job.writer
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for i, (plan, kind) in enumerate(zip(job.plans, job.types, strict=True), 1):
        if job.progress is not None:
            job.progress(plan.name, i, len(job.plans))
        tensor = np.ascontiguousarray(plan.transform(job.checkpoint.f32(plan.source)))
        _refuse_unusable(tensor, plan.source, kind)
        writer.write_tensor_data(_encoded(tensor, kind))
    writer.flush()
    assert writer.fout is not None
    os.fsync(writer.fout[0].fileno())


def _refuse_unusable(tensor: F32, name: str, kind: Ggml) -> None:
    largest = float(np.maximum(tensor.max(initial=0.0), -tensor.min(initial=0.0)))
    if not math.isfinite(largest):
        what = "NaN" if math.isnan(largest) else "Inf"
        raise CheckpointError(
            f"The tensor {name} holds {what}; the checkpoint is broken, take an earlier one."
        )
    limit = {Ggml.F16: _F16_MAX, Ggml.Q8_0: _F16_MAX * 127}.get(kind, math.inf)
    if largest > limit:
        raise CheckpointError(
            f"The tensor {name} holds {largest:.6g}, and {kind.name} ends at {limit:.6g}; use bf16 or f32."
        )


def _encoded(tensor: F32, kind: Ggml) -> np.ndarray[Any, Any]:
    if kind == Ggml.F32:
        return tensor
    if kind == Ggml.F16:
        return tensor.astype(np.float16)
    return cast("np.ndarray[Any, Any]", gguf.quantize(tensor, kind))
