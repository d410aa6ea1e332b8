"""GGUF adapters and quantised bases for the merge tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType as Ggml
from gguf import GGUFWriter
from numpy.typing import NDArray

from aion.convert.encode import n_bytes
from aion.convert.gguf_copy import CopyingWriter
from aion.convert.gguf_file import GgufFile
from aion.convert.output import OutputTensor, write_gguf
from aion.engine.row_quantizer import quantize_rows

Halves = tuple[NDArray[np.float32], NDArray[np.float32]]


def random_halves(shape: tuple[int, ...], rank: int = 4, seed: int = 0) -> Halves:
    """A (rank, n_in) and B (n_out, rank) for a matrix of `shape`."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(rank, shape[1])) * 0.1, rng.normal(size=(shape[0], rank)) * 0.1
    return a.astype(np.float32), b.astype(np.float32)


def write_adapter(path: Path, changes: dict[str, Halves], alpha: float = 8.0, **pairs: str) -> Path:
    """A GGUF adapter that changes the tensors named; `pairs` replace its strings (dots as __)."""
    strings = {"general__type": "adapter", "adapter__type": "lora"} | pairs
    tensors = {
        name + half: values
        for name, halves in changes.items()
        for half, values in zip((".lora_a", ".lora_b"), halves, strict=True)
    }
    return write_tensors(path, tensors, alpha, strings)


def write_tensors(
    path: Path, tensors: dict[str, NDArray[Any]], alpha: float, strings: dict[str, str]
) -> Path:
    writer = GGUFWriter(path, strings.get("general__architecture", "llama"))
    for key, value in strings.items():
        if key != "general__architecture":
            writer.add_string(key.replace("__", "."), value)
    writer.add_float32("adapter.lora.alpha", alpha)
    for name, tensor in tensors.items():
        writer.add_tensor(name, np.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def requantised(source: Path, out: Path, kind: Ggml) -> Path:
    """`source` with its matrices as `kind`."""
    file = GgufFile(source)
    outputs = []
    for tensor in file.tensors.values():
        stored = kind if len(tensor.shape) > 1 else tensor.kind
        data = quantize_rows(file.rows(tensor.name, 0, tensor.n_rows), stored)
        assert data.nbytes == n_bytes(tensor.shape, stored)
        outputs.append(OutputTensor(tensor.name, tensor.shape, stored, lambda data=data: [data]))  # type: ignore[misc]
    writer = CopyingWriter(file)
    writer.add_file_type(1)
    write_gguf(writer, outputs, out)
    return out
