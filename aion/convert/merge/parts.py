"""A PEFT adapter's parts by the name of the checkpoint's tensor each acts on, and how tied tables part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from aion.convert.checkpoint import Checkpoint
from aion.convert.lora.limits import listed
from aion.convert.lora.pairs import F32, Adapter, LoraPair, TrainedTokens, WholeTensor
from aion.errors import CheckpointError

HEAD = "lm_head.weight"
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Parts:
    """`whole` takes a tensor's place, then `pairs` act on it, then `tokens`; `biases` are added."""

    pairs: dict[str, LoraPair]
    whole: dict[str, WholeTensor]
    tokens: dict[str, TrainedTokens]
    biases: dict[str, F32]


def parts_of(adapter: Adapter, checkpoint: Checkpoint, known: set[str]) -> Parts:
    """CheckpointError when the adapter acts on a tensor that is not `known`."""
    unknown: list[str] = []

    def found(parts: Iterable[tuple[str, Part]]) -> dict[str, Part]:
        named = [(_known(name, known), name, part) for name, part in parts]
        unknown.extend(name for place, name, _ in named if place is None)
        return {place: part for place, _, part in named if place is not None}

    pairs, tables = adapter.pairs, adapter.tables.items()
    parts = Parts(
        found((f"{pair.module}.weight", pair) for pair in pairs),
        found((f"{module}.weight", table) for module, table in tables) | found(adapter.replaced.items()),
        found((f"{module}.weight", tokens) for module, tokens in adapter.trained_tokens.items()),
        found((f"{p.module}.bias", p.bias * np.float32(p.scale)) for p in pairs if p.bias is not None),
    )
    if unknown:
        if all(name.endswith(".bias") for name in unknown):
            raise CheckpointError(
                f"{adapter.folder} adds to {listed(unknown)}, and {checkpoint.folder} has no such biases; "
                "train without lora_bias."
            )
        source = f", {adapter.base_name}" if adapter.base_name else ""
        raise CheckpointError(
            f"{adapter.folder} changes {listed(unknown)}, which {checkpoint.folder} does not have; name the "
            f"base it was trained on{source}."
        )
    return parts


def untie(parts: Parts, adapter: Adapter, table: str) -> bool:
    """Give `table` and the head that is tied to it each its own parts; False when they stay one tensor.

    PEFT changes the two apart, unless the adapter asks for tied weights (`adapter.tied`), saved both as the
    same tensor, or trained single tokens only.
    """
    both = {table, HEAD}
    is_apart = bool((parts.pairs.keys() | parts.whole.keys()) & both)
    if not is_apart or adapter.tied or _is_one(parts, table):
        for group in (parts.pairs, parts.whole, parts.tokens):
            group.pop(HEAD, None)
        return False
    if table in parts.pairs and table in parts.whole:
        parts.whole.setdefault(HEAD, parts.whole[table])  # the base's own table, kept beside its pair
    if table in parts.tokens:
        parts.tokens.setdefault(HEAD, parts.tokens[table])
    return True


def _is_one(parts: Parts, table: str) -> bool:
    if parts.pairs.keys() & {table, HEAD} or not {table, HEAD} <= parts.whole.keys():
        return False
    return np.array_equal(parts.whole[table].f32(), parts.whole[HEAD].f32())


def _known(name: str, known: set[str]) -> str | None:
    """`name` as the checkpoint has it, which may be saved with or without "model." in front."""
    candidates = (name, f"model.{name}", name.removeprefix("model."))
    return next((candidate for candidate in candidates if candidate in known), None)
