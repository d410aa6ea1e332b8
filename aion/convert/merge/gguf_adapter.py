"""A LoRA adapter in GGUF: which tensors of a base it changes, and by how much, some rows at a time.

What it computes is what llama.cpp's runtime adds (llama-adapter.cpp, llama-graph.cpp): to W (n_out, n_in)
scale * alpha / rank * B A, with scale alone where alpha is 0.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aion.convert.gguf_file import GgufFile
from aion.errors import CheckpointError

A_SUFFIX, B_SUFFIX = ".lora_a", ".lora_b"
EMBEDDING = "token_embd.weight"
_NORM = "_norm.weight"
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ScaledAdapter:
    """An adapter file and how much of it is wanted: 1 is its full effect."""

    path: Path
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class LowRank:
    """Adds `left` (n_rows, rank) @ `right` (rank, row length) to the rows it is given."""

    left: F32
    right: F32

    def __call__(self, rows: F32, start: int, stop: int) -> F32:
        return np.asarray(rows + self.left[start:stop] @ self.right)


@dataclass(frozen=True, slots=True)
class Replacement:
    """Takes the place of a norm; at another scale than 1, that share of the way to it."""

    values: F32
    scale: float

    def __call__(self, rows: F32, start: int, stop: int) -> F32:
        target = self.values.reshape(-1, rows.shape[1])[start:stop]
        return np.asarray(rows + np.float32(self.scale) * (target - rows))


Change = LowRank | Replacement


class GgufAdapter:
    """A validated adapter. `names` are the base tensors it changes: matrices by two halves, norms whole."""

    def __init__(self, scaled: ScaledAdapter) -> None:
        self.path, self.scale = scaled.path, scaled.scale
        if not math.isfinite(self.scale):
            raise CheckpointError(
                f"{self.path} was given the scale {self.scale}; give a number, 1 is all of it."
            )
        self._file = GgufFile(self.path)
        self._check_kind()
        self.architecture = self._file.architecture
        self.fingerprint = self._file.text("aion.lora.base_fingerprint")
        self.base_name = self._file.text("general.base_model.0.name")
        self.names = self._changed()

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape that the base's tensor `name` must have."""
        if name.endswith(_NORM):
            return self._file.tensor(name).shape
        a, b = self._file.tensor(name + A_SUFFIX).shape, self._file.tensor(name + B_SUFFIX).shape
        return (a[0], b[0]) if name == EMBEDDING else (b[0], a[1])

    def change(self, name: str) -> Change:
        """What is done to rows of the base's tensor `name`, the scale included."""
        if name.endswith(_NORM):
            return Replacement(self._file.f32(name), self.scale)
        a, b = self._file.f32(name + A_SUFFIX), self._file.f32(name + B_SUFFIX)
        factor = np.float32(self._factor(b.shape[1]))
        # llama.cpp looks the embedding's rows up in A, so there A is (n_vocab, rank) and B (n_embd, rank)
        return LowRank(a, b.T * factor) if name == EMBEDDING else LowRank(b, a * factor)

    def _factor(self, rank: int) -> float:
        alpha = self._file.metadata.get("adapter.lora.alpha", 0.0)
        if isinstance(alpha, str):
            raise CheckpointError(f"{self.path} has the alpha {alpha!r}, not a number; convert it again.")
        return self.scale * alpha / rank if alpha else self.scale

    def content_hash(self) -> str:
        """sha256 of the file's bytes, in hex: what a running engine keys the adapter by."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, hashlib.sha256).hexdigest()

    def _check_kind(self) -> None:
        kind, task = self._file.text("general.type"), self._file.text("adapter.type")
        if (kind, task) != ("adapter", "lora"):
            what = f"general.type {kind!r}, adapter.type {task!r}"
            raise CheckpointError(
                f"{self.path} is not a LoRA adapter ({what}); name one made by convert_lora."
            )
        if "adapter.alora.invocation_tokens" in self._file.pairs:
            raise CheckpointError(
                f"{self.path} acts only after its invocation tokens, which a merge loses; use it at run time."
            )

    def _changed(self) -> frozenset[str]:
        names, found = self._file.tensors, set()
        for name in names:
            target, half = name[: -len(A_SUFFIX)], name[-len(A_SUFFIX) :]
            if name.endswith(_NORM):
                found.add(name)
            elif half not in {A_SUFFIX, B_SUFFIX}:
                raise CheckpointError(
                    f"{self.path} has {name}, which is no part of a LoRA; convert it again."
                )
            elif target + A_SUFFIX not in names or target + B_SUFFIX not in names:
                raise CheckpointError(f"{self.path} has only one half of {target}; convert it again.")
            else:
                self._check_halves(target)
                found.add(target)
        if not found:
            raise CheckpointError(f"{self.path} changes no tensor; convert it again.")
        return frozenset(found)

    def _check_halves(self, target: str) -> None:
        a, b = self._file.tensor(target + A_SUFFIX).shape, self._file.tensor(target + B_SUFFIX).shape
        rank = a[-1] if target == EMBEDDING else a[0]
        if len(a) != 2 or len(b) != 2 or rank != b[1]:
            raise CheckpointError(
                f"{self.path} changes {target} by halves of shapes {list(a)} and {list(b)}, which do not fit "
                "each other; only plain matrices can be merged."
            )
