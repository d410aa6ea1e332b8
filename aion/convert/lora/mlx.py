"""adapter_config.json of mlx-lm: rank and scale. `scale` is the factor itself; there is no alpha."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aion.convert.lora.config import real, whole
from aion.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class MlxConfig:
    """One rank and one scale for all modules."""

    rank: int
    scale: float
    base_name: str | None = None

    def rank_of(self, module: str) -> int:  # noqa: ARG002  one for all
        return self.rank

    def scale_of(self, module: str) -> float:  # noqa: ARG002  one for all
        return self.scale


def is_mlx(values: Mapping[str, Any]) -> bool:
    return "lora_parameters" in values or ("fine_tune_type" in values and "peft_type" not in values)


def read_mlx_config(path: Path, values: Mapping[str, Any]) -> MlxConfig:
    """`values` of `path`. CheckpointError for full fine-tuning and for a scale with two meanings."""
    kind = values.get("fine_tune_type", "lora")
    if kind not in ("lora", "dora"):
        raise CheckpointError(
            f"{path} says fine_tune_type {kind!r}, not a LoRA; run mlx_lm.fuse and convert the whole model."
        )
    given = values.get("lora_parameters")
    if not isinstance(given, dict):
        raise CheckpointError(f"{path} has lora_parameters = {given!r}, not an object; copy it again.")
    for key in ("rank", "scale"):
        if key not in given:
            raise CheckpointError(f"{path} has lora_parameters without {key}; copy the adapter's own file.")
    rank = whole(path, "lora_parameters.rank", given["rank"])
    scale = real(path, "lora_parameters.scale", given["scale"])
    alpha = given.get("alpha")
    if alpha is not None and alpha != rank:
        raise CheckpointError(
            f"{path} has scale {scale:g} and alpha {alpha!r}: mlx-lm of 2024 multiplied by alpha / rank, "
            "later ones ignore alpha; delete it, with its factor put into scale if an old one trained this."
        )
    base = values.get("model")
    return MlxConfig(rank, scale, base if isinstance(base, str) else None)
