"""One file of torch.save (.bin), read without torch and without running what is in it.

The form since torch 1.6: a zip, nothing compressed, with "NAME/data.pkl" (names, shapes and where each
tensor lies in which storage) and the storages "NAME/data/KEY". A pickle can call any function; here it
can call only those that rebuild tensors, and they are this module's own and make plain descriptions.
"""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aion.convert.safetensors import MAX_HEADER_BYTES
from aion.convert.tensor_file import ITEM_BYTES, Entry, TensorFile
from aion.errors import CheckpointError

_DTYPES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8",
    "ByteStorage": "U8", "BoolStorage": "BOOL",
}  # fmt: skip
_LOCAL_HEADER_BYTES = 30


@dataclass(frozen=True, slots=True)
class _Storage:
    """`n_items` of `dtype` under the key `key`."""

    dtype: str
    key: str
    n_items: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage; `offset` and `strides` count items."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __setstate__(self, _state: object) -> None:
        """A pickle may build it only by `_tensor`, which checks what it is given."""
        raise TypeError("a tensor has no state")

    @property
    def n_span(self) -> int:
        """Items from the first to the last, both included."""
        if 0 in self.shape:
            return 0
        return 1 + sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))

    @property
    def is_contiguous(self) -> bool:
        due = 1
        for n, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if n > 1 and stride != due:
                return False
            due *= n
        return True


class TorchPickle(TensorFile):
    """A validated file of one state dict. Only its names and shapes are in memory."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            with zipfile.ZipFile(path) as archive, path.open("rb") as file:
                self._places = self._storages(archive, file)
                tensors = self._load(self._description(archive))
        except OSError as error:
            raise self._error(
                f"cannot be read ({error.strerror})", "check the folder and its rights"
            ) from error
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
            raise self._error(
                f"is cut off or not in torch's zip form ({error})",
                "save it again with torch 1.6 or later, or copy it again",
            ) from error
        self.entries = {name: self._entry(name, tensor) for name, tensor in tensors.items()}

    def _description(self, archive: zipfile.ZipFile) -> bytes:
        path = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
        if path is None or archive.getinfo(path).file_size > MAX_HEADER_BYTES:
            raise zipfile.BadZipFile("no data.pkl of a usable size")
        order = path.removesuffix("data.pkl") + "byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise self._error("was saved on a big-endian machine", "save it as safetensors there")
        return archive.read(path)

    def _storages(self, archive: zipfile.ZipFile, file: io.BufferedReader) -> dict[str, tuple[int, int]]:
        """Begin and end in the file of each storage, by its key. zipfile says where an entry's header
        begins; the entry itself follows it, its name and its extra field."""
        places = {}
        for info in archive.infolist():
            folder, _, key = info.filename.rpartition("/")
            if not folder.endswith("/data"):
                continue
            if info.compress_type != zipfile.ZIP_STORED:
                raise self._error(f"has {info.filename} compressed", "save it again with torch.save")
            file.seek(info.header_offset)
            header = file.read(_LOCAL_HEADER_BYTES)
            n_names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
            begin = info.header_offset + _LOCAL_HEADER_BYTES + n_names
            places[key] = (begin, begin + info.file_size)
        if max((end for _, end in places.values()), default=0) > self.path.stat().st_size:
            raise zipfile.BadZipFile("a storage ends after the file")
        return places

    def _load(self, description: bytes) -> dict[str, _Tensor]:
        try:
            found = _Unpickler(io.BytesIO(description), self.path).load()
        except CheckpointError:
            raise
        except Exception as error:  # a broken pickle can raise anything
            raise self._error(
                f"has a description that cannot be read ({type(error).__name__})", "copy it again"
            ) from error
        if not isinstance(found, dict):
            raise self._error(f"holds {type(found).__name__}, no state dict", "save model.state_dict()")
        tensors: dict[str, _Tensor] = {}
        for name, value in dict.items(found):  # the pickle can have replaced `found.items`
            if not isinstance(name, str) or not isinstance(value, _Tensor):
                what = repr(name) if isinstance(name, str) else "an unnamed entry"
                raise self._error(
                    f"has {what} of type {type(value).__name__} where a tensor is due",
                    "save model.state_dict() alone",
                )
            tensors[name] = value
        return tensors

    def _entry(self, name: str, tensor: _Tensor) -> Entry:
        storage, item = tensor.storage, ITEM_BYTES[tensor.storage.dtype]
        first, last = self._places.get(storage.key, (0, -1))
        begin = first + tensor.offset * item
        end = begin + tensor.n_span * item
        signs = (*tensor.shape, *tensor.strides, tensor.offset)
        if min(signs) < 0 or end > last:
            raise self._error(
                f"places {name} of shape {list(tensor.shape)} outside its storage {storage.key!r}",
                "copy it again",
            )
        strides = None if tensor.is_contiguous else tensor.strides
        return Entry(storage.dtype, tensor.shape, begin, end, strides)


class _Unpickler(pickle.Unpickler):
    """Knows by name what a state dict needs; everything else is refused, named, and never imported."""

    def __init__(self, file: io.BytesIO, path: Path) -> None:
        super().__init__(file)
        self._path = path

    def find_class(self, module: str, name: str) -> object:
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) in _KNOWN:
            return partial(_KNOWN[module, name])  # a new one: a pickle can set attributes of what it is given
        raise CheckpointError(
            f"{self._path} wants to call {module}.{name}, which a state dict does not need; do not trust the "
            "file, or save it again with safe_serialization=True where it is trusted."
        )

    def persistent_load(self, pid: object) -> _Storage:
        match pid:
            case ("storage", str(dtype), str(key), _, int(n_items)) if dtype in ITEM_BYTES:
                return _Storage(dtype, key, n_items)
        raise ValueError(pid)


def _tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_hooks: object
) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise TypeError(storage)
    whole = [tuple(int(n) for n in numbers) for numbers in (shape, strides)]
    if len(whole[0]) != len(whole[1]):
        raise ValueError(shape, strides)
    return _Tensor(storage, int(offset), whole[0], whole[1])


def _parameter(data: object, *_hooks: object) -> object:
    return data


_KNOWN: dict[tuple[str, str], Callable[..., object]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}
