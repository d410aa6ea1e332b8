"""Rotary positions: the order of rows llama.cpp wants, and the scalings of config.json in GGUF's terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from aion.convert.architectures.architecture import Metadata, Rows
from aion.convert.checkpoint import Checkpoint
from aion.errors import CheckpointError


def paired_rows(n_rows: int, head_dim: int) -> Rows:
    """Source row of each output row, heads of `head_dim` rows each turned from halves (Hugging Face:
    i turns with i + d/2) to pairs (llama.cpp: 2i turns with 2i + 1). Shape (n_rows,)."""
    heads = np.arange(n_rows, dtype=np.intp).reshape(-1, 2, head_dim // 2)
    return heads.swapaxes(1, 2).reshape(n_rows)


def rope_metadata(checkpoint: Checkpoint) -> Metadata:
    """rope.freq_base and rope.scaling.* (without the architecture's prefix) of a checkpoint."""
    config = checkpoint.config
    rope: dict[str, Any] = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = float(rope.get("rope_theta") or checkpoint.real("rope_theta", 10000.0))
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return {"rope.freq_base": theta}
    if kind == "linear":
        factor = rope.get("factor")
        if not isinstance(factor, int | float) or factor < 1:
            raise refused(checkpoint, "rope_scaling.factor", factor, "it must be a number of 1 or more")
        return {
            "rope.freq_base": theta,
            "rope.scaling.type": "linear",
            "rope.scaling.factor": float(factor),
        }
    raise refused(checkpoint, "rope_scaling", kind, "only linear scaling can be converted so far")


def refused(checkpoint: Checkpoint, key: str, value: object, why: str) -> CheckpointError:
    return CheckpointError(f"{checkpoint.folder / 'config.json'} has {key} = {value!r}; {why}.")
