"""What an adapter folder holds, as plain data; no file format, no GGUF, no base."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LoraPair:
    """The change of one module: its weight W (n_out, n_in) becomes W + scale * (b @ a).

    `module` is the path in the base checkpoint, "model.layers.0.self_attn.q_proj". `a` is (r, n_in), `b`
    (n_out, r). For an embedding n_in counts tokens and n_out is the width, so the table (tokens, width)
    changes by scale * (b @ a).T. `magnitude` is DoRA's vector: the rows of the changed W are rescaled to
    these norms. `bias` (n_out,) is lora_bias: the output gains scale * bias.
    """

    module: str
    a: F32
    b: F32
    scale: float
    magnitude: F32 | None = None
    bias: F32 | None = None
    is_embedding: bool = False

    @property
    def rank(self) -> int:
        return int(self.a.shape[0])


@dataclass(frozen=True, slots=True)
class WholeTensor:
    """A tensor that takes the place of the base's; `f32` reads it, and refuses NaN and Inf."""

    shape: tuple[int, ...]
    f32: Callable[[], F32]


@dataclass(frozen=True, slots=True)
class TrainedTokens:
    """Rows of an embedding table that the adapter replaces: row `tokens[i]` becomes `rows[i]`."""

    tokens: tuple[int, ...]
    rows: F32


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter folder.

    `replaced` maps a base tensor's full name ("model.norm.weight", "lm_head.weight", a trained bias) to
    what takes its place. `tables` are the tables that PEFT stores beside a targeted embedding or head, by
    module: the base's own, with more rows when the vocabulary has grown. `tied` says that the change of
    the embedding is also that of an output tied to it; otherwise the output keeps the base's table.
    `alpha` is None where the format has none (mlx-lm).
    """

    folder: Path
    pairs: tuple[LoraPair, ...]
    rank: int
    alpha: float | None = None
    replaced: Mapping[str, WholeTensor] = field(default_factory=dict)
    trained_tokens: Mapping[str, TrainedTokens] = field(default_factory=dict)
    tables: Mapping[str, WholeTensor] = field(default_factory=dict)
    tied: bool = False
    task_type: str | None = None
    base_name: str | None = None
