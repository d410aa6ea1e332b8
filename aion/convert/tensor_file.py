"""Reads tensors that lie uncompressed in a file. Where they lie the kinds of file say (`safetensors`,
`torch_pickle`); this module knows neither."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aion.convert.half import bf16_to_f32
from aion.errors import CheckpointError

ITEM_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1,
    "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip
_STORED = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one tensor lies: `begin` and `end` count bytes from the first byte after the file's header.
    `strides`, in items, are None when the rows lie one after another."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int
    strides: tuple[int, ...] | None = None

    @property
    def n_bytes(self) -> int:
        """Of all its values, each once."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]


class TensorFile:
    """A checked file: no entry points outside it. No tensor is in memory until it is asked for."""

    entries: Mapping[str, Entry]

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = 0

    def f32(self, name: str) -> NDArray[np.float32]:
        """The tensor `name` as float32, exact from F32, F16 and BF16; a copy, or a view for F32."""
        stored = self.stored(name)
        if self.entries[name].dtype == "BF16":
            return bf16_to_f32(stored)
        return stored.astype(np.float32, copy=False)

    def stored(self, name: str) -> NDArray[Any]:
        """The tensor's own bytes, not copied: float32, float16, or uint16 for bfloat16."""
        return self._mapped(self.entries[name], self._dtype(name))

    def _mapped(self, entry: Entry, dtype: str) -> NDArray[Any]:
        if entry.begin == entry.end:
            return np.zeros(entry.shape, dtype)
        try:
            data = np.memmap(self.path, np.uint8, "r", self._start + entry.begin, (entry.end - entry.begin,))
        except (OSError, ValueError) as error:
            raise self._error(f"cannot be mapped ({error})", "copy it again") from error
        items = data.view(dtype)
        if entry.strides is None:
            return np.asarray(items.reshape(entry.shape))
        strides = tuple(n * items.itemsize for n in entry.strides)
        return np.lib.stride_tricks.as_strided(items, entry.shape, strides, writeable=False)

    def read(self, name: str, begin: int, end: int) -> NDArray[Any]:
        """Rows `begin` to `end` of the tensor (along its first axis) as `stored` has them, in memory of
        their own: a map's pages would count as the process's. Thread-safe."""
        entry, dtype = self.entries[name], self._dtype(name)
        row_bytes = entry.n_bytes // max(1, entry.shape[0])
        data = self.read_bytes(name, begin * row_bytes, end * row_bytes)
        return data.view(dtype).reshape(end - begin, *entry.shape[1:])

    def read_bytes(self, name: str, begin: int, end: int) -> NDArray[np.uint8]:
        """Bytes `begin` to `end` of the tensor, rows one after another, whatever its type. Thread-safe."""
        entry = self.entries[name]
        if entry.strides is not None:
            return self._strided_bytes(entry, begin, end)
        data = np.empty(end - begin, np.uint8)
        view = data.data
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(self._start + entry.begin + begin)
                while view and (n_read := file.readinto(view)):
                    view = view[n_read:]
        except OSError as error:
            raise self._error(f"cannot be read ({error.strerror})", "check the disk") from error
        if view:
            raise self._error(f"was cut off while {name} was read", "copy it again")
        return data

    def _strided_bytes(self, entry: Entry, begin: int, end: int) -> NDArray[np.uint8]:
        """The same of rows that lie elsewhere: only those that hold these bytes are copied."""
        row_bytes = max(1, entry.n_bytes // max(1, entry.shape[0]))
        first, last = begin // row_bytes, -(-end // row_bytes)
        rows = self._mapped(entry, f"<u{ITEM_BYTES[entry.dtype]}")[first:last]
        data = np.ascontiguousarray(rows).reshape(-1).view(np.uint8)
        return data[begin - first * row_bytes : end - first * row_bytes]

    def _dtype(self, name: str) -> str:
        dtype = self.entries[name].dtype
        if dtype not in _STORED:
            raise self._error(
                f"holds {name} as {dtype}, not as F32, F16 or BF16", "use the checkpoint before quantisation"
            )
        return _STORED[dtype]

    def _error(self, problem: str, remedy: str) -> CheckpointError:
        return CheckpointError(f"{self.path} {problem}; {remedy}.")
