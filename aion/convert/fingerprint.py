"""Identifies a base model whatever its file and quantisation, so that an adapter can say what it belongs to.

Every GGUF type keeps norm weights as float32, and they are exact in the checkpoint too; training that
touches the base as a whole moves them. What it cannot tell apart: a model and the same one with a LoRA
merged in that left the norms alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aion.convert.architectures.architecture import Architecture
from aion.convert.architectures.registry import architecture_of
from aion.convert.checkpoint import Checkpoint
from aion.convert.gguf_file import GgufFile

Scalars = Mapping[str, str | int | float | bool]
_SHAPE_KEYS = (
    "block_count", "embedding_length", "feed_forward_length", "attention.head_count",
    "attention.head_count_kv", "attention.key_length",
)  # fmt: skip


def fingerprint(path: Path) -> str:
    """sha256 in hex of the base at `path`, a GGUF file or a checkpoint folder; matrices are not read.

    Raises CheckpointError when it is neither.
    """
    if path.is_dir():
        checkpoint = Checkpoint(path)
        return checkpoint_fingerprint(checkpoint, architecture_of(checkpoint))
    return gguf_fingerprint(GgufFile(path))


def gguf_fingerprint(file: GgufFile) -> str:
    norms = {
        name: partial(file.f32, name) for name, tensor in file.tensors.items() if _is_norm(name, tensor.shape)
    }
    return _digest(file.architecture, file.metadata, norms)


def checkpoint_fingerprint(checkpoint: Checkpoint, architecture: Architecture) -> str:
    norms = {
        plan.name: partial(checkpoint.f32, plan.source)
        for plan in architecture.tensors()
        if _is_norm(plan.name, plan.shape)
    }
    return _digest(architecture.names.gguf, architecture.metadata(), norms)


def _is_norm(name: str, shape: tuple[int, ...]) -> bool:
    return name.endswith("norm.weight") and len(shape) == 1


def _digest(
    architecture: str, metadata: Scalars, norms: Mapping[str, Callable[[], NDArray[np.float32]]]
) -> str:
    digest = hashlib.sha256(f"{architecture}\n".encode())
    for key in _SHAPE_KEYS:
        digest.update(f"{key}={_shape_value(architecture, metadata, key)}\n".encode())
    for name in sorted(norms):
        values = norms[name]().astype("<f4", copy=False)
        digest.update(f"{name}[{values.size}]\n".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _shape_value(architecture: str, metadata: Scalars, key: str) -> int:
    """The number under `key`, or what llama.cpp takes it to be when the file leaves it out."""
    value = metadata.get(f"{architecture}.{key}")
    if isinstance(value, int):
        return value
    if key == "attention.head_count_kv":
        return _shape_value(architecture, metadata, "attention.head_count")
    if key == "attention.key_length":
        n_head = _shape_value(architecture, metadata, "attention.head_count")
        return _shape_value(architecture, metadata, "embedding_length") // max(1, n_head)
    return 0
