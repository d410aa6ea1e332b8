"""Which parts of a reranker's head a GGUF has: llama.cpp loads a file without them and computes nonsense.

Read from the file's header, since llama.cpp's interface tells of no tensors.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_HEADER_BYTES = 64 << 20  # of a vocabulary of a quarter of a million tokens it is a seventh
_DENSE, _OUTPUT = "cls.weight", "cls.output.weight"


def has_dense(path: Path) -> bool:
    """Whether there is the layer before the score: BERT's pooler, XLM-RoBERTa's dense."""
    return _names(path, _DENSE)


def has_output(path: Path) -> bool:
    """Whether there is the layer that makes the score."""
    return _names(path, _OUTPUT)


def _names(path: Path, tensor: str) -> bool:
    """Whether the header names the tensor: its name stands there after its length in eight bytes."""
    name = tensor.encode()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(struct.pack("<Q", len(name)) + name, 0, _HEADER_BYTES) >= 0
