"""Writes a checkpoint's tensors as safetensors, in as many files as they need, some rows at a time.

Knows names, types and shapes; what the tensors hold it learns when each one's turn comes.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO

import numpy as np

from aion.convert.checkpoint import INDEX, SINGLE
from aion.convert.output import Progress
from aion.convert.pipeline import Chunk, in_order
from aion.convert.tensor_file import ITEM_BYTES

MAX_FILE_BYTES = 2 << 30
_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class SafeTensor:
    """A tensor to write: `dtype` in safetensors' terms ("BF16"), `chunks` its bytes in order. A chunk may
    be a function: those run in a few threads at once."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    chunks: Callable[[], Iterable[Chunk]]

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]


def write_safetensors(
    folder: Path,
    tensors: Sequence[SafeTensor],
    progress: Progress | None = None,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> None:
    """Write `tensors` in their order: model.safetensors, or when they are more than `max_file_bytes`, that
    many a file and the index beside them. Raises OSError as the system gives it."""
    shards = _shards(tensors, max_file_bytes)
    names = [SINGLE]
    if len(shards) > 1:
        names = [f"model-{k:05}-of-{len(shards):05}.safetensors" for k in range(1, len(shards) + 1)]
        _write_index(folder / INDEX, dict(zip(names, shards, strict=True)))
    n_done = 0
    for name, shard in zip(names, shards, strict=True):
        with (folder / name).open("xb") as file:
            file.write(_header(shard))
            _write_data(file, shard, progress, n_done, len(tensors))
            file.flush()
            os.fsync(file.fileno())
        n_done += len(shard)


def _shards(tensors: Sequence[SafeTensor], max_file_bytes: int) -> list[list[SafeTensor]]:
    shards: list[list[SafeTensor]] = [[]]
    n_bytes = 0
    for tensor in tensors:
        if shards[-1] and n_bytes + tensor.n_bytes > max_file_bytes:
            shards.append([])
            n_bytes = 0
        shards[-1].append(tensor)
        n_bytes += tensor.n_bytes
    return shards


def _write_index(path: Path, shards: dict[str, list[SafeTensor]]) -> None:
    weight_map = {tensor.name: name for name, shard in shards.items() for tensor in shard}
    total = sum(tensor.n_bytes for shard in shards.values() for tensor in shard)
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    path.write_text(json.dumps(index, indent=2), encoding="utf-8")


def _header(shard: Sequence[SafeTensor]) -> bytes:
    """Its length, then JSON filled up with spaces so that the data begin at a multiple of 8."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for tensor in shard:
        end = at + tensor.n_bytes
        header[tensor.name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _write_data(
    file: IO[bytes], shard: Sequence[SafeTensor], progress: Progress | None, n_done: int, n_all: int
) -> None:
    chunks = ((number, chunk) for number, tensor in enumerate(shard) for chunk in tensor.chunks())
    for number, made in groupby(in_order(chunks), key=lambda pair: pair[0]):
        tensor = shard[number]
        if progress is not None:
            progress(tensor.name, n_done + number + 1, n_all)
        written = sum(file.write(np.ascontiguousarray(chunk).data) for _, chunk in made)
        assert written == tensor.n_bytes, (tensor.name, written, tensor.n_bytes)
