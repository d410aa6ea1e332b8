"""What an architecture has to say about itself so that the writer can write it.

Adding one is one small file: a class with these members, and its line in `registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aion.convert.checkpoint import Checkpoint

F32 = NDArray[np.float32]
Metadata = Mapping[str, str | int | float | bool]


def unchanged(tensor: F32) -> F32:
    return tensor


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """One tensor to write: its GGUF name, the checkpoint's, and what is done to it between.

    `shape` is the one the hyperparameters ask for; the writer refuses another. The transform keeps it.
    """

    name: str
    source: str
    shape: tuple[int, ...]
    transform: Callable[[F32], F32] = unchanged


class Architecture(Protocol):
    """One family of checkpoints, bound to one of them."""

    @property
    def gguf_name(self) -> str:
        """`general.architecture`."""
        ...

    def metadata(self) -> Metadata:
        """Hyperparameters with their full GGUF keys. int is written as u32, float as f32."""
        ...

    def tensors(self) -> list[TensorPlan]:
        """Every tensor of the output, in the order it is written."""
        ...

    def is_ignored(self, name: str) -> bool:
        """True for a tensor of the checkpoint that is rightly left out."""
        ...


Factory = Callable[[Checkpoint], Architecture]
