"""From the pairs of an adapter to changes of the base's GGUF tensors: names, rows, fused modules.

A tensor may gain from several pairs: their sum is one pair of the ranks' sum, a over a, b beside b.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aion.convert.architectures.rope import paired_rows
from aion.convert.lora.base import Base
from aion.convert.lora.limits import listed
from aion.convert.lora.pairs import F32, Adapter, LoraPair
from aion.errors import CheckpointError

# The modules that some families fuse: the parts lie in this order in the fused one's rows.
_FUSED = {
    "self_attn.qkv_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "mlp.gate_up_proj": ("mlp.gate_proj", "mlp.up_proj"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """ "NAME.weight" of the base's GGUF changes by scale * (b @ a): `a` (r, n_in), `b` (n_out, r), rows in
    llama.cpp's order. The embedding's table changes by the transpose of that."""

    name: str
    a: F32
    b: F32
    scale: float
    is_embedding: bool = False

    @property
    def rank(self) -> int:
        return int(self.a.shape[0])


def changes_of(adapter: Adapter, base: Base) -> list[Change]:
    """One change a tensor, layer by layer. CheckpointError when the base has not the adapter's modules or
    has them in other shapes."""
    parts: dict[str, list[Change]] = defaultdict(list)
    unknown = []
    for pair in adapter.pairs:
        found = _direct(pair, adapter, base) or _split(pair, adapter, base) or _joined(pair, adapter, base)
        if not found:
            unknown.append(pair.module)
        for change in found:
            parts[change.name].append(change)
    if unknown:
        raise _unknown(unknown, adapter, base)
    changes = [_rotated(_sum(found), base) for found in parts.values()]
    return sorted(changes, key=lambda change: _place(change.name))


def _direct(pair: LoraPair, adapter: Adapter, base: Base) -> list[Change]:
    name = _name(pair.module, base)
    if name is None:
        return []
    rows, row_length = base.shapes[name]
    if pair.is_embedding:
        rows, row_length = row_length, rows
    _check(pair, adapter, base, (rows, row_length))
    return [Change(name, pair.a, pair.b, pair.scale, pair.is_embedding)]


def _split(pair: LoraPair, adapter: Adapter, base: Base) -> list[Change]:
    """A fused module on a base that has its parts: each takes its rows of b, and all of a."""
    for fused, modules in _FUSED.items():
        if pair.module.endswith(f".{fused}"):
            names = [_name(pair.module.removesuffix(fused) + part, base) for part in modules]
            if None in names:
                return []
            present = [name for name in names if name is not None]
            ends = np.cumsum([base.shapes[name][0] for name in present])
            _check(pair, adapter, base, (int(ends[-1]), base.shapes[present[0]][1]))
            slices = np.split(pair.b, ends[:-1])
            return [Change(name, pair.a, b, pair.scale) for name, b in zip(present, slices, strict=True)]
    return []


def _joined(pair: LoraPair, adapter: Adapter, base: Base) -> list[Change]:
    """A part of a module that the base has fused: b gains rows of zeros for the other parts."""
    for fused, modules in _FUSED.items():
        for number, part in enumerate(modules):
            if not pair.module.endswith(f".{part}"):
                continue
            name = _name(pair.module.removesuffix(part) + fused, base)
            if name is None:
                return []
            sizes = _part_rows(fused, name, base)
            _check(pair, adapter, base, (sizes[number], base.shapes[name][1]))
            b = np.zeros((sum(sizes), pair.rank), np.float32)
            start = sum(sizes[:number])
            b[start : start + sizes[number]] = pair.b
            return [Change(name, pair.a, b, pair.scale)]
    return []


def _part_rows(fused: str, name: str, base: Base) -> list[int]:
    if fused == "mlp.gate_up_proj":
        return [base.shapes[name][0] // 2] * 2
    return [n * base.head_dim for n in (base.n_head, base.n_head_kv, base.n_head_kv)]


def _sum(parts: Sequence[Change]) -> Change:
    """Several changes of one tensor as one, in the first one's scale; the others' ratio goes into b."""
    first = parts[0]
    if len(parts) == 1:
        return first
    scale = next((part.scale for part in parts if part.scale), 0.0)
    b = [part.b if part.scale == scale else scaled(part.b, part.scale / (scale or 1.0)) for part in parts]
    return replace(first, a=np.vstack([part.a for part in parts]), b=np.hstack(b), scale=scale)


def _rotated(change: Change, base: Base) -> Change:
    kind = change.name.rpartition(".")[2]
    if kind not in base.names.rotated:
        return change
    return replace(change, b=change.b[paired_rows(change.b.shape[0], base.head_dim)])


def scaled(b: F32, factor: float) -> F32:
    """`b` times `factor`, rounded once."""
    return np.asarray(b.astype(np.float64) * factor, np.float32)


def _name(module: str, base: Base) -> str | None:
    found = base.names.find(module)
    return found.name if found is not None and len(base.shapes.get(found.name, ())) == 2 else None


def _check(pair: LoraPair, adapter: Adapter, base: Base, shape: tuple[int, int]) -> None:
    found = (pair.b.shape[0], pair.a.shape[1])
    if found != shape:
        raise CheckpointError(
            f"{adapter.folder} changes {pair.module} as {found[0]} x {found[1]} where {base.path} has "
            f"{shape[0]} x {shape[1]}; name the base it was trained on{_hint(adapter)}."
        )


def _unknown(modules: list[str], adapter: Adapter, base: Base) -> CheckpointError:
    layers = [found.layer for m in modules if (found := base.names.find(m)) and found.layer is not None]
    if layers and max(layers) >= base.n_layer:
        problem = f"changes layer {max(layers)} where {base.path} has {base.n_layer} layers"
    else:
        problem = f"changes modules that {base.path} does not have ({listed(modules)})"
    return CheckpointError(f"{adapter.folder} {problem}; name the base it was trained on{_hint(adapter)}.")


def _hint(adapter: Adapter) -> str:
    return f", {adapter.base_name}" if adapter.base_name else ""


def _place(name: str) -> tuple[int, str]:
    """Tables first, then layer by layer."""
    layer = name.split(".")[1] if name.startswith("blk.") else "-1"
    return int(layer), name
