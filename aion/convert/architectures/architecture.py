"""What an architecture has to say about itself so that the writer can write it.

Adding one is one small file: a class with these members (most inherit `Decoder`), its table of names,
and its line in `registry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aion.convert.architectures.names import Names

F32 = NDArray[np.float32]
Rows = NDArray[np.intp]
Metadata = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """One tensor to write: its GGUF name, the checkpoint's, and the shape it must have in the file.

    `rows` says which row of the source each row of the output is; None keeps them all as they are. A
    matrix is written in the file's type, a vector as f32; `f32` asks for f32 whatever it is.
    """

    name: str
    source: str
    shape: tuple[int, ...]
    rows: Rows | None = None
    f32: bool = False


@dataclass(frozen=True, slots=True)
class ComputedTensor:
    """A tensor that no checkpoint holds (rope factors): written as f32."""

    name: str
    values: F32


class Architecture(Protocol):
    """One family of checkpoints, bound to one of them."""

    @property
    def names(self) -> Names:
        """The table from the checkpoint's names to GGUF's; `names.gguf` is `general.architecture`."""
        ...

    def metadata(self) -> Metadata:
        """Hyperparameters with their full GGUF keys. int is written as u32, float as f32."""
        ...

    def tensors(self) -> list[TensorPlan]:
        """Every tensor taken from the checkpoint, in the order it is written."""
        ...

    def computed(self) -> list[ComputedTensor]:
        """Tensors made from config.json alone."""
        ...

    def is_ignored(self, name: str) -> bool:
        """True for a tensor of the checkpoint that is rightly left out."""
        ...
