"""Rotary positions: the order of rows llama.cpp wants, and the scalings of config.json in GGUF's terms.

Checkpoints say the same in two forms: `rope_parameters` (transformers 5) and `rope_theta` with
`rope_scaling` (before). Where both are there, `rope_scaling` counts, as in transformers. The formulas are
those of transformers' `modeling_rope_utils`; what llama.cpp makes of the keys is in its llama-context.cpp.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aion.convert.architectures.architecture import ComputedTensor, Metadata, Rows
from aion.convert.checkpoint import F32_MAX, Checkpoint
from aion.errors import CheckpointError

PLAIN_SCALINGS = frozenset({"default", "linear", "yarn"})
_SYNONYMS = {"su": "longrope"}
_YARN_DEFAULTS = {"beta_fast": 32.0, "beta_slow": 1.0, "truncate": True}


@dataclass(frozen=True, slots=True)
class Rope:
    """`metadata` has keys without the architecture's prefix; `tensors` are factors that llama.cpp divides
    the frequencies by."""

    metadata: Metadata
    tensors: tuple[ComputedTensor, ...]


def paired_rows(n_rows: int, head_dim: int) -> Rows:
    """Source row of each output row, heads of `head_dim` rows each turned from halves (Hugging Face:
    i turns with i + d/2) to pairs (llama.cpp: 2i turns with 2i + 1). Shape (n_rows,)."""
    heads = np.arange(n_rows, dtype=np.intp).reshape(-1, 2, head_dim // 2)
    return heads.swapaxes(1, 2).reshape(n_rows)


def refused(checkpoint: Checkpoint, key: str, value: object, why: str) -> CheckpointError:
    return CheckpointError(f"{checkpoint.folder / 'config.json'} has {key} = {value!r}; {why}.")


def read_rope(
    checkpoint: Checkpoint, head_dim: int, scalings: frozenset[str] = PLAIN_SCALINGS, *, partial: bool = False
) -> Rope:
    """The rotary positions of a checkpoint whose heads have `head_dim` dimensions.

    `scalings` are the kinds that llama.cpp can do for the family; `partial` says that it can leave a part
    of each head unturned. Raises CheckpointError for all others, and for values that cannot be.
    """
    p = _Parameters(checkpoint)
    if p.kind not in scalings:
        raise refused(checkpoint, p.key, p.kind, f"llama.cpp has only {', '.join(sorted(scalings))} here")
    share = p.optional("partial_rotary_factor") or checkpoint.real("partial_rotary_factor", 1.0)
    n_rot = int(head_dim * share)
    if share > 1 or n_rot < 2 or n_rot % 2:
        raise refused(checkpoint, "partial_rotary_factor", share, "it must leave a whole even part of a head")
    if n_rot != head_dim and not partial:
        raise refused(checkpoint, "partial_rotary_factor", share, "llama.cpp turns whole heads here")
    scale: dict[str, Callable[[_Parameters, int], _Scaling]] = {
        "default": _plain, "linear": _linear, "yarn": _yarn, "llama3": _llama3, "longrope": _longrope,
    }  # fmt: skip
    metadata, tensors = scale[p.kind](p, n_rot)
    return Rope({"rope.dimension_count": n_rot, "rope.freq_base": p.theta, **metadata}, tensors)


_Scaling = tuple[Metadata, tuple[ComputedTensor, ...]]


def _plain(_p: _Parameters, _n_rot: int) -> _Scaling:
    return {}, ()


def _linear(p: _Parameters, _n_rot: int) -> _Scaling:
    return {"rope.scaling.type": "linear", "rope.scaling.factor": p.factor(None)}, ()


def _yarn(p: _Parameters, _n_rot: int) -> _Scaling:
    """llama.cpp multiplies by 0.1 ln(factor) + 1 itself and reads neither its yarn_attn_factor nor its
    yarn_beta keys for these families: any other attention factor has to go into attn_factor."""
    for key, value in _YARN_DEFAULTS.items():
        if p.found.get(key) is not None and p.found[key] != value:
            raise refused(p.checkpoint, f"{p.key}.{key}", p.found[key], f"llama.cpp knows only {value!r}")
    n_original = p.original_context()
    factor = p.factor(p.checkpoint.integer("max_position_embeddings") / n_original)
    of_llama_cpp = _yarn_attention(factor, 1.0)
    wanted = p.optional("attention_factor")
    if wanted is None:
        mscale, all_dim = p.optional("mscale"), p.optional("mscale_all_dim")
        both = mscale is not None and all_dim is not None
        wanted = _yarn_attention(factor, mscale) / _yarn_attention(factor, all_dim) if both else of_llama_cpp
    return {
        "rope.scaling.type": "yarn",
        "rope.scaling.factor": factor,
        "rope.scaling.original_context_length": n_original,
        "rope.scaling.attn_factor": p.positive("attention_factor", wanted / of_llama_cpp),
    }, ()


def _yarn_attention(factor: float, mscale: float | None) -> float:
    return 0.1 * (mscale or 0.0) * math.log(factor) + 1.0


def _llama3(p: _Parameters, n_rot: int) -> _Scaling:
    """Wavelengths longer than the original context / low_freq_factor are stretched by `factor`, those
    shorter than / high_freq_factor not at all, those between by a blend of the two."""
    factor, low, high = p.factor(None), p.real("low_freq_factor"), p.real("high_freq_factor")
    if low >= high:
        raise refused(p.checkpoint, f"{p.key}.high_freq_factor", high, f"it must be above {low}, the low one")
    wavelength = 2 * math.pi * p.theta ** (np.arange(0, n_rot, 2) / n_rot)
    with np.errstate(over="ignore"):
        blend = np.clip((p.original_context() / wavelength - low) / (high - low), 0, 1)
    return {}, (ComputedTensor("rope_freqs.weight", _f32(1 / ((1 - blend) / factor + blend))),)


def _longrope(p: _Parameters, n_rot: int) -> _Scaling:
    """llama.cpp takes the long factors for every position of a context larger than the original one, and
    the short ones otherwise."""
    n_original = p.original_context()
    if n_original < 2:
        raise refused(p.checkpoint, "original_max_position_embeddings", n_original, "it must be 2 or more")
    attention = p.optional("attention_factor")
    if attention is None:
        ratio = p.optional("factor") or p.checkpoint.integer("max_position_embeddings") / n_original
        attention = math.sqrt(1 + math.log(max(1.0, ratio)) / math.log(n_original))
    return {
        "rope.scaling.type": "longrope",
        "rope.scaling.original_context_length": n_original,
        "rope.scaling.attn_factor": attention,
    }, (
        ComputedTensor("rope_factors_long.weight", p.list_of("long_factor", n_rot // 2)),
        ComputedTensor("rope_factors_short.weight", p.list_of("short_factor", n_rot // 2)),
    )


class _Parameters:
    """config.json's rope parameters in one dictionary, with checked values."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        config = checkpoint.config
        self.checkpoint = checkpoint
        self.key = "rope_scaling" if config.get("rope_scaling") else "rope_parameters"
        self.found: dict[str, Any] = {}
        kind: object = None
        for key in ("rope_parameters", "rope_scaling"):
            part = config.get(key) or {}
            if not isinstance(part, Mapping):
                raise refused(checkpoint, key, part, "it must be an object")
            for name, value in part.items():
                if isinstance(value, Mapping):
                    why = "llama.cpp turns all layers alike here, so it must be a plain value"
                    raise refused(checkpoint, f"{key}.{name}", value, why)
            self.found |= part
            kind = part.get("rope_type", part.get("type")) or kind
        kind = "default" if kind is None else kind
        if not isinstance(kind, str):
            raise refused(checkpoint, f"{self.key}.rope_type", kind, "it must be a name")
        self.kind = _SYNONYMS.get(kind, kind)
        self.theta = self.optional("rope_theta") or checkpoint.real("rope_theta", 10000.0)
        if self.theta <= 1:
            raise refused(checkpoint, "rope_theta", self.theta, "it must be above 1")

    def optional(self, key: str) -> float | None:
        """A positive number, None where it is absent."""
        value = self.found.get(key)
        return None if value is None else self.positive(key, value)

    def real(self, key: str, default: float | None = None) -> float:
        """A number that must be there when there is no default."""
        value = self.optional(key)
        value = default if value is None else value
        return self.positive(key, value)

    def factor(self, default: float | None) -> float:
        value = self.real("factor", default)
        if value < 1:
            raise refused(self.checkpoint, f"{self.key}.factor", value, "it must be 1 or more")
        return value

    def original_context(self) -> int:
        """Positions the model was first trained on: config.json's own value goes before the parameters'."""
        key = "original_max_position_embeddings"
        inner = self.optional(key)
        if inner is None or self.checkpoint.config.get(key) is not None:
            return self.checkpoint.integer(key, self.checkpoint.integer("max_position_embeddings"))
        if inner != int(inner) or inner >= 1 << 32:
            raise refused(self.checkpoint, f"{self.key}.{key}", inner, "it must be a whole number")
        return int(inner)

    def list_of(self, key: str, n: int) -> NDArray[np.float32]:
        values = self.found.get(key)
        if not isinstance(values, list) or len(values) != n:
            size = len(values) if isinstance(values, list) else "no"
            path = self.checkpoint.folder / "config.json"
            raise CheckpointError(
                f"{path} has {size} numbers in {self.key}.{key} where {n} are due, one for each pair of "
                "dimensions that turns; take the one that came with the weights."
            )
        return _f32([self.positive(key, value) for value in values])

    def positive(self, key: str, value: object) -> float:
        """`value` as a number that GGUF's f32 holds and does not round to 0."""
        error = refused(self.checkpoint, f"{self.key}.{key}", value, "it must be a number above 0")
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise error
        if not 0 < value <= F32_MAX or np.float32(value) == 0:
            raise error
        return float(value)


def _f32(values: object) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)
