"""Writes a GGUF file whole or not at all, a few rows of one tensor at a time.

Everything of this room that makes a GGUF goes through `write_gguf`: base models, adapters, merges.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Ggml

from aion.convert.encode import n_bytes
from aion.convert.pipeline import Chunk, in_order
from aion.errors import CheckpointError
from aion.partial import too_little_room, whole_file

Progress = Callable[[str, int, int], None]

logging.getLogger("gguf.gguf_writer").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """A tensor of the file: `chunks` yields its encoded bytes in order, only when its turn has come.

    A chunk is an array, or a function that makes one: functions run in a few threads at once, some chunks
    ahead of what is written, so they must not depend on each other.
    """

    name: str
    shape: tuple[int, ...]
    kind: Ggml
    chunks: Callable[[], Iterable[Chunk]]


def refuse_existing(out: Path, overwrite: bool) -> None:
    """CheckpointError when `out` is there and may not be replaced, or is a folder."""
    if out.is_dir():
        raise CheckpointError(f"{out} is a folder; name the file to write.")
    if out.exists() and not overwrite:
        raise CheckpointError(f"{out} exists already; delete it, name another, or ask to overwrite it.")


def refuse_source(out: Path, sources: Iterable[Path]) -> None:
    """CheckpointError when `out` is one of the files it is made from, under whatever name."""
    for source in sources:
        if out.exists() and out.samefile(source):
            raise CheckpointError(f"{out} is the source {source} itself; name another output.")


def write_gguf(
    writer: gguf.GGUFWriter, tensors: Sequence[OutputTensor], out: Path, progress: Progress | None = None
) -> None:
    """Write `writer`'s metadata and `tensors` to `out` through a temporary name beside it, and close the
    writer. `progress` is called with (tensor, number from 1, count) before each. CheckpointError when
    there is no room or no right to write."""
    try:
        if said := too_little_room(out, sum(n_bytes(tensor.shape, tensor.kind) for tensor in tensors)):
            raise CheckpointError(said)
        with whole_file(out) as path:
            try:
                _write(writer, tensors, path, progress)
            finally:
                writer.close()
    except OSError as error:
        raise _unwritable(out, error) from error


def _unwritable(out: Path, error: OSError) -> CheckpointError:
    remedy = "free space or name another place"
    if not out.parent.is_dir():
        remedy = f"make the folder {out.parent} or name another place"
    return CheckpointError(f"{out} cannot be written ({error.strerror or error}); {remedy}.")


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
    for number, size in _write_data(file, tensors, progress):
        expected = n_bytes(tensors[number].shape, tensors[number].kind)
        assert size == expected, (tensors[number].name, size, expected)
        writer.write_padding(file, size)
    writer.flush()


def _write_data(
    file: IO[bytes], tensors: Sequence[OutputTensor], progress: Progress | None
) -> Iterable[tuple[int, int]]:
    """Write tensor after tensor; yields each one's index and how many bytes it took."""
    chunks = ((number, chunk) for number, tensor in enumerate(tensors) for chunk in tensor.chunks())
    for number, made in groupby(in_order(chunks), key=lambda pair: pair[0]):
        if progress is not None:
            progress(tensors[number].name, number + 1, len(tensors))
        yield number, sum(file.write(np.ascontiguousarray(chunk).data) for _, chunk in made)
