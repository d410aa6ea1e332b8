"""Writes a GGUF file whole or not at all, a few rows of one tensor at a time.

Everything of this room that makes a GGUF goes through `write_gguf`: base models, adapters, merges.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Ggml
from numpy.typing import NDArray

from aion.convert.encode import n_bytes
from aion.errors import CheckpointError

Progress = Callable[[str, int, int], None]

logging.getLogger("gguf.gguf_writer").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """A tensor of the file: `chunks` yields its encoded bytes in order, only when its turn has come."""

    name: str
    shape: tuple[int, ...]
    kind: Ggml
    chunks: Callable[[], Iterable[NDArray[Any]]]


def refuse_existing(out: Path, overwrite: bool) -> None:
    if out.exists() and not overwrite:
        raise CheckpointError(f"{out} exists already; delete it, name another, or ask to overwrite it.")


def write_gguf(
    writer: gguf.GGUFWriter, tensors: Sequence[OutputTensor], out: Path, progress: Progress | None = None
) -> None:
    """Write `writer`'s metadata and `tensors` to `out` through a temporary name beside it, and close the
    writer. `progress` is called with (tensor, number from 1, count) before each."""
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        try:
            _write(writer, tensors, partial, progress)
        finally:
            writer.close()
        partial.replace(out)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CheckpointError(
            f"{out} cannot be written ({reason}); free space or name another place."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _write(
    writer: gguf.GGUFWriter, tensors: Sequence[OutputTensor], path: Path, progress: Progress | None
) -> None:
    for tensor in tensors:
        size = n_bytes(tensor.shape, tensor.kind)
        writer.add_tensor_info(tensor.name, tensor.shape, np.dtype(np.float32), size, raw_dtype=tensor.kind)
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    assert writer.fout is not None
    file = writer.fout[0]
    writer.write_padding(file, file.tell())
    for number, tensor in enumerate(tensors, 1):
        if progress is not None:
            progress(tensor.name, number, len(tensors))
        for chunk in tensor.chunks():
            file.write(np.ascontiguousarray(chunk).data)
        writer.write_padding(file, n_bytes(tensor.shape, tensor.kind))
    writer.flush()
    os.fsync(file.fileno())
