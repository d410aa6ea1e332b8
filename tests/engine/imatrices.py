"""Writes importance matrices in llama-imatrix's two forms."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

Sums = dict[str, NDArray[np.float32]]


def write_gguf_imatrix(path: Path, sums: Sums, counts: dict[str, list[float]], n_chunks: int = 3) -> Path:
    """`sums` of squares a column, and how many tokens each expert saw."""
    writer = gguf.GGUFWriter(path, "")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["texto.txt"])
    writer.add_uint32("imatrix.chunk_count", n_chunks)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name, values in sums.items():
        writer.add_tensor(f"{name}.in_sum2", values)
        if name in counts:
            writer.add_tensor(f"{name}.counts", np.array(counts[name], np.float32).reshape(-1, 1))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_dat_imatrix(path: Path, sums: Sums, n_calls: int, n_chunks: int | None = 3) -> Path:
    """The form before GGUF; the end is left out with `n_chunks` None."""
    data = struct.pack("<i", len(sums))
    for name, values in sums.items():
        data += struct.pack("<i", len(name)) + name.encode()
        data += struct.pack("<ii", n_calls, values.size) + values.astype("<f4").tobytes()
    if n_chunks is not None:
        data += struct.pack("<ii", n_chunks, 9) + b"texto.txt"
    path.write_bytes(data)
    return path
