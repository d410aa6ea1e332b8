"""A GGUF file, read by memory map: scalars at once, arrays and tensors only when asked for.

A model cut in files ("-00001-of-00003.gguf") is opened by its first one. Knows no architecture.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGUFValueType
from numpy.typing import NDArray

from aion.convert.gguf_header import (
    AGAIN,
    SCALAR_CODES,
    GgufHeader,
    GgufTensor,
    Pair,
    Scalar,
    read_header,
    refused,
)

__all__ = ["GgufFile", "GgufTensor", "Pair", "Scalar"]

_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


class GgufFile:
    """A validated file: every offset and length in its header lies inside it. Nothing but the header is in
    memory. Raises CheckpointError, one sentence, for all that is wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path
        header = read_header(path)
        self.metadata: Mapping[str, Scalar] = header.metadata
        self.pairs: Mapping[str, Pair] = header.pairs
        self.alignment = header.alignment
        self.tensors: Mapping[str, GgufTensor] = _with_parts(path, header)

    @property
    def architecture(self) -> str:
        """general.architecture, "" when the file names none."""
        return str(self.metadata.get("general.architecture", ""))

    def text(self, key: str) -> str:
        """The string under `key`, "" when it is absent or no string."""
        value = self.metadata.get(key, "")
        return value if isinstance(value, str) else ""

    def array(self, key: str) -> list[str] | NDArray[Any]:
        """The array under `key`: numbers as numpy, strings as a list (bytes that are no UTF-8 replaced)."""
        pair = self.pairs.get(key)
        if pair is None or pair.count is None:
            raise refused(self.path, f"has no array {key}", AGAIN)
        raw = _read(self.path, pair.values, pair.end)
        if pair.kind == GGUFValueType.STRING:
            return _strings(raw, pair.count)
        return np.frombuffer(raw, f"<{SCALAR_CODES[pair.kind]}")

    def raw_pair(self, key: str) -> bytes:
        """The pair under `key` as it stands in the file: key, type and value."""
        pair = self.pairs[key]
        return _read(self.path, pair.begin, pair.end)

    def stored(self, name: str) -> NDArray[np.uint8]:
        """The tensor's bytes as they are stored, memory-mapped; shape (n_bytes,)."""
        tensor = self.tensor(name)
        return np.asarray(np.memmap(tensor.path, np.uint8, "r", tensor.begin, (tensor.n_bytes,)))

    def read(self, name: str, begin: int, end: int) -> NDArray[np.uint8]:
        """Bytes `begin` to `end` of the tensor, in memory of their own. Thread-safe."""
        tensor = self.tensor(name)
        return np.frombuffer(_read(tensor.path, tensor.begin + begin, tensor.begin + end), np.uint8)

    def f32(self, name: str) -> NDArray[np.float32]:
        """The whole tensor dequantised, in its own shape."""
        tensor = self.tensor(name)
        return self.rows(name, 0, tensor.n_rows).reshape(tensor.shape)

    def rows(self, name: str, start: int, stop: int) -> NDArray[np.float32]:
        """Rows `start` to `stop` of the tensor dequantised, all its axes but the last taken as one:
        shape (stop - start, row length)."""
        tensor = self.tensor(name)
        row_bytes = tensor.n_bytes // tensor.n_rows
        part = self.read(name, start * row_bytes, stop * row_bytes).reshape(-1, row_bytes)
        return self._dequantised(tensor, part)

    def tensor(self, name: str) -> GgufTensor:
        if name not in self.tensors:
            raise refused(self.path, f"has no tensor {name}", "use the model it belongs to")
        return self.tensors[name]

    def _dequantised(self, tensor: GgufTensor, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            values: NDArray[np.float32] = gguf.dequantize(part, tensor.kind)
        except NotImplementedError as error:
            raise refused(
                self.path,
                f"stores {tensor.name} as {tensor.kind.name}, which cannot be read as numbers",
                "use a file of another type",
            ) from error
        return values


def _read(path: Path, begin: int, end: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(begin)
            found = file.read(end - begin)
    except OSError as error:
        raise refused(path, f"cannot be read ({error.strerror})", "check its rights") from error
    if len(found) != end - begin:
        raise refused(path, "was cut off while it was read", AGAIN)
    return found


def _strings(raw: bytes, count: int) -> list[str]:
    found, at, length = [], 0, struct.Struct("<Q").unpack_from
    for _ in range(count):
        begin = at + 8
        at = begin + length(raw, at)[0]
        found.append(raw[begin:at].decode(errors="replace"))
    return found


def _with_parts(path: Path, header: GgufHeader) -> dict[str, GgufTensor]:
    """The tensors of all files of a model, when `path` is the first of several."""
    n_parts = header.metadata.get("split.count", 1)
    if not isinstance(n_parts, int) or n_parts <= 1:
        return header.tensors
    found = _SPLIT.search(path.name)
    if header.metadata.get("split.no", 0) != 0 or found is None or int(found[2]) != n_parts:
        raise refused(
            path, f"is a part of a model in {n_parts} files", f"name the one -00001-of-{n_parts:05}.gguf"
        )
    tensors = dict(header.tensors)
    for number in range(2, n_parts + 1):
        part = path.with_name(f"{path.name[: found.start()]}-{number:05}-of-{n_parts:05}.gguf")
        if not part.exists():
            raise refused(
                path, f"is one of {n_parts} files and {part.name} is not beside it", "fetch that one too"
            )
        for name, tensor in read_header(part).tensors.items():
            if name in tensors:
                raise refused(part, f"has the tensor {name}, which an earlier part has", AGAIN)
            tensors[name] = tensor
    due = header.metadata.get("split.tensors.count", len(tensors))
    if due != len(tensors):
        raise refused(path, f"should have {due} tensors with its parts and has {len(tensors)}", AGAIN)
    return tensors
