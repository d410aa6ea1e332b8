"""adapter_config.json of PEFT: what it says of each module's rank and scale, and what it makes of LoRA.

Knows no tensors. The rules are PEFT's own (LoraModel._create_and_replace, LoraLayer.update_layer).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aion.convert.checkpoint import F32_MAX
from aion.errors import CheckpointError

CONFIG = "adapter_config.json"
# What changes the base or the forward pass beyond W + scale * b @ a, so that no pair says it.
_OTHER_FORWARD = {
    "alora_invocation_tokens": "is active only after its invocation tokens",
    "arrow_config": "is chosen token by token among others",
    "kasa_config": "rescales the base's singular values",
    "layer_replication": "repeats layers of its base",
    "monteclora_config": "is drawn at random",
    "use_bdlora": "is block-diagonal",
    "use_qalora": "averages groups of its inputs",
}
_CHANGES_BASE = ("pissa", "corda", "olora", "loftq", "lora_ga")


@dataclass(frozen=True, slots=True)
class PeftConfig:
    path: Path
    rank: int
    alpha: float
    rslora: bool = False
    rank_pattern: Mapping[str, Any] = field(default_factory=dict)
    alpha_pattern: Mapping[str, Any] = field(default_factory=dict)
    trained_tokens: Any = None
    tied: bool = False
    task_type: str | None = None
    base_name: str | None = None

    def rank_of(self, module: str) -> int:
        """The rank that the configuration gives to `module`."""
        return whole(self.path, "rank_pattern", self._matching(self.rank_pattern, module, self.rank))

    def scale_of(self, module: str) -> float:
        """alpha / r, or alpha / sqrt(r) with use_rslora (rank-stabilised, arXiv:2312.03732)."""
        alpha = real(self.path, "alpha_pattern", self._matching(self.alpha_pattern, module, self.alpha))
        rank = self.rank_of(module)
        return alpha / (math.sqrt(rank) if self.rslora else rank)

    def _matching(self, pattern: Mapping[str, Any], module: str, default: float) -> Any:
        """The value of the first key that matches `module` whole or after a dot."""
        for key, value in pattern.items():
            try:
                if re.match(rf"(.*\.)?({key})$", module):
                    return value
            except re.error as error:
                raise CheckpointError(
                    f"{self.path} has the pattern {key!r}, no regular expression ({error}); correct it."
                ) from error
        return default


def read_peft_config(path: Path, values: Mapping[str, Any]) -> PeftConfig:
    """`values` of `path` when they describe a LoRA. CheckpointError names what else they describe."""
    kind = str(values.get("peft_type", "LORA")).upper()
    if kind != "LORA":
        raise CheckpointError(f"{path} says peft_type {kind}, and only LORA can be converted; train a LoRA.")
    for key, what in _OTHER_FORWARD.items():
        if values.get(key):
            raise CheckpointError(
                f"{path} has {key} = {values[key]!r}: this adapter {what}, which llama.cpp cannot do; train "
                "without it."
            )
    _refuse_changed_base(path, values.get("init_lora_weights"))
    for key in ("r", "lora_alpha"):
        if key not in values:
            raise CheckpointError(f"{path} lacks {key}; copy the adapter's own adapter_config.json.")
    return PeftConfig(
        path=path,
        rank=whole(path, "r", values["r"]),
        alpha=real(path, "lora_alpha", values["lora_alpha"]),
        rslora=bool(values.get("use_rslora")),
        rank_pattern=_pattern(path, values, "rank_pattern"),
        alpha_pattern=_pattern(path, values, "alpha_pattern"),
        trained_tokens=values.get("trainable_token_indices"),
        tied=bool(values.get("ensure_weight_tying")),
        task_type=_text(values.get("task_type")),
        base_name=_text(values.get("base_model_name_or_path")),
    )


def _refuse_changed_base(path: Path, start: object) -> None:
    if isinstance(start, str) and start.lower().startswith(_CHANGES_BASE):
        raise CheckpointError(
            f"{path} has init_lora_weights = {start!r}, so the adapter belongs to a base whose weights were "
            "changed at its start; save it with path_initial_model_for_weight_conversion."
        )


def _pattern(path: Path, values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = values.get(key) or {}
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} has {key} = {value!r}, not an object of patterns; correct it.")
    return value


def whole(path: Path, key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise CheckpointError(f"{path} has {key} = {value!r}, not a whole number above 0; correct it.")
    return value


def real(path: Path, key: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= F32_MAX:
        raise CheckpointError(f"{path} has {key} = {value!r}, not a number; correct it.")
    return float(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
