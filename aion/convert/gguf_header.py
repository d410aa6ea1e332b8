"""The header of one GGUF file: parsed in one pass, checked against the file's size, arrays skipped.

Knows the layout (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), versions 2 and 3,
little-endian, and nothing of models. Whatever is wrong is a CheckpointError: one sentence with the file,
the value and the way out.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import gguf
from gguf import GGMLQuantizationType, GGUFValueType

from aion.convert.encode import n_bytes
from aion.errors import CheckpointError

Scalar = str | int | float | bool
SCALAR_CODES = {
    GGUFValueType.UINT8: "B", GGUFValueType.INT8: "b", GGUFValueType.UINT16: "H", GGUFValueType.INT16: "h",
    GGUFValueType.UINT32: "I", GGUFValueType.INT32: "i", GGUFValueType.FLOAT32: "f", GGUFValueType.BOOL: "?",
    GGUFValueType.UINT64: "Q", GGUFValueType.INT64: "q", GGUFValueType.FLOAT64: "d",
}  # fmt: skip
AGAIN = "download or convert it again"
_MAX_DIMS = 4
_MIN_PAIR_BYTES = 13
_MIN_TENSOR_BYTES = 24
_U32, _U64, _ARRAY = struct.Struct("<I"), struct.Struct("<Q"), struct.Struct("<IQ")


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """Where one tensor lies: `shape` in numpy's order (the row's length last), `begin` from the first byte
    of `path`."""

    name: str
    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    begin: int
    n_bytes: int
    path: Path

    @property
    def n_rows(self) -> int:
        """Rows when all axes but the last are taken as one."""
        return math.prod(self.shape[:-1])


@dataclass(frozen=True, slots=True)
class Pair:
    """Where one key-value pair lies, in bytes from the start of the file: the pair from `begin` to `end`,
    its value's elements from `values`. `kind` is the value's type or, of an array, its elements', of which
    there are `count`."""

    kind: GGUFValueType
    count: int | None
    begin: int
    values: int
    end: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What stands before the tensors' data. `metadata` holds the scalars, `pairs` the place of every pair."""

    metadata: dict[str, Scalar]
    pairs: dict[str, Pair]
    tensors: dict[str, GgufTensor]
    alignment: int


def read_header(path: Path) -> GgufHeader:
    """The header of `path`; every count, length, offset and type in it has been checked."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < 24:
                raise refused(path, f"holds {size} bytes, too few for a GGUF file", AGAIN)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Parser(path, data, size).header()
    except OSError as error:
        raise refused(path, f"cannot be read ({error.strerror})", "check the path and its rights") from error


def refused(path: Path, problem: str, remedy: str) -> CheckpointError:
    return CheckpointError(f"{path} {problem}; {remedy}.")


class _Parser:
    """Reads `data` from front to back; `at` is the next byte."""

    def __init__(self, path: Path, data: mmap.mmap, size: int) -> None:
        self.path, self.data, self.size, self.at = path, data, size, 0

    def header(self) -> GgufHeader:
        try:
            return self._header()
        except (struct.error, OverflowError, IndexError) as error:
            raise self._error("is cut off inside its header", AGAIN) from error

    def _header(self) -> GgufHeader:
        self._check_version()
        n_tensors, n_pairs = self._number(_U64), self._number(_U64)
        self._check_count("tensors", n_tensors, _MIN_TENSOR_BYTES)
        self._check_count("key-value pairs", n_pairs, _MIN_PAIR_BYTES)
        metadata: dict[str, Scalar] = {}
        pairs: dict[str, Pair] = {}
        for _ in range(n_pairs):
            begin, key = self.at, self._name("key")
            if key in pairs:
                raise self._error(f"has the key {key!r} twice", AGAIN)
            pairs[key] = self._pair(key, begin, metadata)
        alignment = metadata.get("general.alignment", gguf.GGUF_DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
            raise self._error(f"has general.alignment = {alignment!r}, not a power of two", AGAIN)
        return GgufHeader(metadata, pairs, self._tensors(n_tensors, alignment), alignment)

    def _check_version(self) -> None:
        magic = self._bytes(4)
        if magic != b"GGUF":
            raise self._error(f"begins with {magic!r}, not with b'GGUF'", "name a GGUF file")
        version = self._number(_U32)
        if version & 0xFFFF == 0:
            raise self._error("is big-endian", "convert the model again for little-endian machines")
        if version not in {2, 3}:
            raise self._error(f"is GGUF version {version}; 2 and 3 can be read", "convert the model again")

    def _pair(self, key: str, begin: int, metadata: dict[str, Scalar]) -> Pair:
        kind = self._value_type(key, self._number(_U32))
        if kind == GGUFValueType.ARRAY:
            raw, count = _ARRAY.unpack_from(self.data, self.at)
            self.at += _ARRAY.size
            values, kind = self.at, self._value_type(key, raw)
            if kind == GGUFValueType.ARRAY:
                raise self._error(f"has an array of arrays in {key}", AGAIN)
            self._skip(key, kind, count)
            return Pair(kind, count, begin, values, self.at)
        values = self.at
        metadata[key] = self._scalar(kind)
        return Pair(kind, None, begin, values, self.at)

    def _scalar(self, kind: GGUFValueType) -> Scalar:
        if kind == GGUFValueType.STRING:
            return self._bytes(self._number(_U64)).decode(errors="replace")
        code = struct.Struct(f"<{SCALAR_CODES[kind]}")
        value: Scalar = code.unpack_from(self.data, self.at)[0]
        self.at += code.size
        return value

    def _skip(self, key: str, kind: GGUFValueType, count: int) -> None:
        """Move behind `count` elements; only strings have to be walked."""
        if kind != GGUFValueType.STRING:
            self._check_count(f"elements in {key}", count, struct.calcsize(f"<{SCALAR_CODES[kind]}"))
            self.at += count * struct.calcsize(f"<{SCALAR_CODES[kind]}")
            return
        self._check_count(f"elements in {key}", count, _U64.size)
        at, data, length = self.at, self.data, _U64.unpack_from
        for _ in range(count):
            at += 8 + length(data, at)[0]
        self.at = at
        self._check_inside()

    def _tensors(self, count: int, alignment: int) -> dict[str, GgufTensor]:
        infos = [self._tensor_info() for _ in range(count)]
        start = self.at + -self.at % alignment
        tensors: dict[str, GgufTensor] = {}
        due = 0
        for name, shape, kind, offset in infos:
            if name in tensors:
                raise self._error(f"has the tensor {name} twice", AGAIN)
            if offset != due:
                raise self._error(f"places {name} at byte {offset} of its data where {due} was due", AGAIN)
            size = n_bytes(shape, kind)
            if start + offset + size > self.size:
                raise self._error(f"ends at byte {self.size}, inside {name}", AGAIN)
            tensors[name] = GgufTensor(name, shape, kind, start + offset, size, self.path)
            due = offset + size + -size % alignment
        return tensors

    def _tensor_info(self) -> tuple[str, tuple[int, ...], GGMLQuantizationType, int]:
        name, n_dims = self._name("tensor name"), self._number(_U32)
        if not 1 <= n_dims <= _MAX_DIMS:
            raise self._error(f"gives {name} {n_dims} dimensions", AGAIN)
        shape = tuple(self._number(_U64) for _ in range(n_dims))[::-1]
        raw, offset = self._number(_U32), self._number(_U64)
        try:
            kind = GGMLQuantizationType(raw)
            per_block = gguf.GGML_QUANT_SIZES[kind][0]
        except (ValueError, KeyError) as error:
            raise self._error(f"stores {name} as type {raw}, unknown here", "use a known type") from error
        if min(shape) < 1 or shape[-1] % per_block or math.prod(shape) >= 1 << 63:
            raise self._error(f"gives {name} the shape {list(shape)}, which {kind.name} cannot have", AGAIN)
        return name, shape, kind, offset

    def _value_type(self, key: str, raw: int) -> GGUFValueType:
        try:
            return GGUFValueType(raw)
        except ValueError as error:
            raise self._error(f"gives {key} the value type {raw}, which does not exist", AGAIN) from error

    def _name(self, what: str) -> str:
        raw = self._bytes(self._number(_U64))
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise self._error(f"has a {what} that is not UTF-8: {raw[:40]!r}", AGAIN) from error

    def _number(self, code: struct.Struct) -> int:
        value: int = code.unpack_from(self.data, self.at)[0]
        self.at += code.size
        return value

    def _bytes(self, count: int) -> bytes:
        begin = self.at
        self.at += count
        self._check_inside()
        return self.data[begin : self.at]

    def _check_count(self, what: str, count: int, item_bytes: int) -> None:
        if count * item_bytes > self.size - self.at:
            raise self._error(f"claims {count} {what}, more than its {self.size} bytes can hold", AGAIN)

    def _check_inside(self) -> None:
        if self.at > self.size:
            raise self._error("is cut off inside its header", AGAIN)

    def _error(self, problem: str, remedy: str) -> CheckpointError:
        return refused(self.path, problem, remedy)
