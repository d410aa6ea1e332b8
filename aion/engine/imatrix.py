"""Importance matrices as llama.cpp's llama-imatrix writes them: how much each column of a weight matters.

Reads both forms, GGUF and the .dat files before it; knows no model and no quantiser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from aion.errors import ModelError

_SUMS, _COUNTS = ".in_sum2", ".counts"
_BROKEN = (ValueError, KeyError, IndexError, TypeError, OverflowError, EOFError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Imatrix:
    """`columns` has the mean square of each column's activations by the weight's name, float32; for
    experts one run after another. `dataset` is the text it was made from, "" when it is not said."""

    columns: Mapping[str, NDArray[np.float32]]
    dataset: str
    n_chunks: int


def read_imatrix(path: Path) -> Imatrix:
    """The matrix in the file `path`. ModelError when it is none, or broken, or holds NaN or Inf."""
    try:
        with path.open("rb") as file:
            is_gguf = file.read(4) == b"GGUF"
        found = _from_gguf(path) if is_gguf else _from_dat(path.read_bytes())
    except OSError as error:
        raise ModelError(
            f"The importance matrix {path} cannot be read ({error.strerror or error})."
        ) from error
    except _BROKEN as error:
        raise ModelError(
            f"{path} is no importance matrix of llama.cpp, or cut off ({error}); make it again with "
            "llama-imatrix."
        ) from error
    for name, values in found.columns.items():
        if not np.isfinite(values).all():
            raise ModelError(f"The importance matrix {path} holds NaN or Inf for {name}; make it again.")
    return found


def _from_gguf(path: Path) -> Imatrix:
    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: np.array(tensor.data, np.float32) for tensor in reader.tensors}
    names = [name.removesuffix(_SUMS) for name in tensors if name.endswith(_SUMS)]
    if not names:
        raise ValueError("it has no sums of squares")
    columns = {name: _means(tensors[name + _SUMS], tensors[name + _COUNTS]) for name in names}
    datasets = reader.get_field(gguf.Keys.IMatrix.DATASETS)
    chunks = reader.get_field(gguf.Keys.IMatrix.CHUNK_COUNT)
    texts = datasets.contents() if datasets else []
    return Imatrix(columns, texts[0] if texts else "", int(chunks.contents()) if chunks else 0)


def _means(sums: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over how often each expert was seen; 1 for an expert that never was."""
    seen = np.rint(counts.reshape(-1, 1))
    means = np.ones((len(seen), sums.size // len(seen)), np.float32)
    np.divide(sums.reshape(means.shape), seen, out=means, where=seen > 0)
    return means.reshape(-1)


def _from_dat(data: bytes) -> Imatrix:
    """Native int32 and float32: the number of entries, each with a name, how often it was called and
    its values; then the number of chunks and the text's name, if they are there."""
    words = _Words(data)
    columns = {}
    for _ in range(words.integer(least=1)):
        name = words.text()
        n_calls, n_values = words.integer(), words.integer(least=1)
        columns[name] = words.floats(n_values) / np.float32(max(n_calls, 1))
    if words.is_at_end:
        return Imatrix(columns, "", 0)
    return Imatrix(columns, n_chunks=words.integer(), dataset="" if words.is_at_end else words.text())


class _Words:
    """Reads one value after another; EOFError when there are not enough bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    @property
    def is_at_end(self) -> bool:
        return not self._data

    def integer(self, least: int = 0) -> int:
        value = int.from_bytes(self._take(4), "little", signed=True)
        if value < least:
            raise ValueError(f"a count of {value}")
        return value

    def text(self) -> str:
        return bytes(self._take(self.integer())).decode()

    def floats(self, n: int) -> NDArray[np.float32]:
        return np.frombuffer(self._take(4 * n), "<f4").astype(np.float32)

    def _take(self, n_bytes: int) -> memoryview:
        if len(self._data) < n_bytes:
            raise EOFError("it ends too early")
        taken, self._data = self._data[:n_bytes], self._data[n_bytes:]
        return taken
