"""Converts an adapter folder to llama.cpp's GGUF adapter. Knows how llama.cpp scales and lays out pairs."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
from numpy.typing import NDArray

from aion.convert.encode import FILE_TYPES, encode, tensor_type
from aion.convert.lora.base import Base, read_base
from aion.convert.lora.changes import Change, changes_of, scaled
from aion.convert.lora.limits import listed, refuse_what_must_be_merged
from aion.convert.lora.pairs import F32, Adapter
from aion.convert.lora.peft import read_adapter
from aion.convert.lora.provenance import doubt_about_base
from aion.convert.output import OutputTensor, Progress, refuse_existing, write_gguf
from aion.errors import CheckpointError

AdapterType = Literal["f32", "f16", "q8_0"]
ADAPTER_TYPES: tuple[AdapterType, ...] = ("f32", "f16", "q8_0")
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")


@dataclass(frozen=True, slots=True)
class ConvertedAdapter:
    """`warnings` are whole sentences for the person who converts."""

    path: Path
    name: str
    n_modules: int
    rank: int
    fingerprint: str | None
    warnings: tuple[str, ...] = ()


def convert_lora(
    adapter: Path,
    base: Path,
    out: Path,
    file_type: AdapterType = "f16",
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    name: str | None = None,
    allow_pickle: bool = False,
) -> ConvertedAdapter:
    """Convert the PEFT or mlx-lm folder `adapter`, trained on `base` (a GGUF file, or a checkpoint folder,
    whose weights need not be there), to the GGUF adapter `out`.

    `progress` is called with (tensor, number from 1, count) before each. `allow_pickle` reads weights from
    .bin files where there are no others, running nothing of them. Raises CheckpointError, and writes
    nothing, for an adapter that does not fit its base or that must be merged.
    """
    if file_type not in ADAPTER_TYPES:
        raise CheckpointError(f"The type {file_type!r} is unknown; use one of {', '.join(ADAPTER_TYPES)}.")
    refuse_existing(out, overwrite)
    known = read_base(base, allow_pickle=allow_pickle)
    read, unused = _used(read_adapter(adapter, allow_pickle=allow_pickle), known)
    doubt = doubt_about_base(read, known)
    refuse_what_must_be_merged(read, known)
    alpha, changes = with_one_alpha(_effective(changes_of(read, known), adapter))
    title = name or adapter.resolve().name
    tensors = [tensor for change in changes for tensor in _tensors(change, file_type)]
    writer = gguf.GGUFWriter(None, known.names.gguf)
    _add_metadata(writer, read, known, title, file_type)
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    writer.add_string("aion.lora.content_hash", _content_hash(changes, alpha, file_type))
    write_gguf(writer, tensors, out, progress)
    return ConvertedAdapter(
        out,
        title,
        len(changes),
        max(change.rank for change in changes),
        known.fingerprint,
        (*((doubt,) if doubt else ()), *_warnings(known, unused)),
    )


def with_one_alpha(changes: list[Change]) -> tuple[float, list[Change]]:
    """The alpha of the whole file, and the changes with b such that llama.cpp's alpha / rank is the scale.

    llama.cpp has one alpha for all tensors and divides it by each one's own rank. The most frequent
    scale * rank becomes that alpha, so that those tensors keep their bits (a plain adapter: all of them,
    whatever its rank_pattern; rsLoRA: alpha * sqrt(r)); only the others' b is multiplied by the ratio.
    """
    wanted = [float(f"{change.scale * change.rank:.9g}") for change in changes]
    alpha = Counter(wanted).most_common(1)[0][0]
    folded = [
        change
        if value == alpha
        else Change(
            change.name, change.a, scaled(change.b, value / alpha), alpha / change.rank, change.is_embedding
        )
        for change, value in zip(changes, wanted, strict=True)
    ]
    return alpha, folded


def _used(adapter: Adapter, base: Base) -> tuple[Adapter, list[str]]:
    """The adapter without the pairs of modules that the base rightly does not have, and their names."""
    unused = [pair.module for pair in adapter.pairs if base.is_unused(pair.module)]
    pairs = tuple(pair for pair in adapter.pairs if pair.module not in unused)
    return replace(adapter, pairs=pairs), unused


def _effective(changes: list[Change], folder: Path) -> list[Change]:
    """Without those of scale 0: an alpha of 0, as float32, means a scale of 1 to llama.cpp."""
    found = [change for change in changes if np.float32(change.scale * change.rank)]
    if not found:
        raise CheckpointError(
            f"{folder} changes nothing (no LoRA pair with a scale above 0); train it first."
        )
    return found


def _tensors(change: Change, file_type: AdapterType) -> list[OutputTensor]:
    """lora_a as (r, n_in) and lora_b as (n_out, r); of an embedding, whose rows are looked up, lora_a as
    (n_tokens, r)."""
    a = change.a.T if change.is_embedding else change.a
    return [
        _tensor(f"{change.name}.weight.lora_{half}", half_of, file_type)
        for half, half_of in (("a", a), ("b", change.b))
    ]


def _tensor(name: str, values: F32, file_type: AdapterType) -> OutputTensor:
    kind = tensor_type(values.shape, file_type)

    def chunks() -> Iterable[NDArray[Any]]:
        yield encode(np.ascontiguousarray(values), name, kind)

    return OutputTensor(name, values.shape, kind, chunks)


def _add_metadata(
    writer: gguf.GGUFWriter, adapter: Adapter, base: Base, title: str, file_type: AdapterType
) -> None:
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_name(title)
    writer.add_file_type(FILE_TYPES[file_type][0])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_base_model_count(1)
    source = adapter.base_name or base.name
    writer.add_base_model_name(0, source.rstrip("/\\").replace("\\", "/").rpartition("/")[2])
    if _HUB_ID.fullmatch(source):
        writer.add_base_model_repo_url(0, f"https://huggingface.co/{source}")
    if adapter.task_type:
        writer.add_string(gguf.Keys.Adapter.LORA_TASK_NAME, adapter.task_type)
    writer.add_uint32("aion.lora.rank", adapter.rank)
    if adapter.alpha is not None:
        writer.add_float32("aion.lora.alpha", adapter.alpha)
    if base.fingerprint:
        writer.add_string("aion.lora.base_fingerprint", base.fingerprint)
    if dataset_hash := _dataset_hash(adapter.folder):
        writer.add_string("aion.lora.dataset_hash", dataset_hash)


def _dataset_hash(folder: Path) -> str | None:
    """What aion.json beside the adapter says of the data it was trained on."""
    try:
        found = json.loads((folder / "aion.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    value = found.get("dataset_hash") if isinstance(found, dict) else None
    return value if isinstance(value, str) and value else None


def _content_hash(changes: list[Change], alpha: float, file_type: AdapterType) -> str:
    """sha256 of what the adapter computes: type, alpha, names, and both factors as float32."""
    digest = hashlib.sha256(f"{file_type} {np.float32(alpha)!s}\n".encode())
    for change in changes:
        digest.update(f"{change.name} {change.a.shape} {change.b.shape}\n".encode())
        for half in (change.a, change.b):
            digest.update(np.ascontiguousarray(half).data)
    return digest.hexdigest()


def _warnings(base: Base, unused: list[str]) -> tuple[str, ...]:
    found = []
    if unused:
        found.append(f"Left out, because {base.path} computes nothing with it: {listed(unused)}.")
    if base.problem:
        problem = f"a wrong base will not be noticed when it is loaded: {base.problem}"
        found.append(f"The adapter carries no fingerprint of its base, so {problem}")
    return tuple(found)
