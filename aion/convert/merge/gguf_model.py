"""Merges LoRA adapters into a base, both GGUF, without a checkpoint and a block of rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gguf
from gguf import GGUFValueType

from aion.convert.encode import FILE_TYPES
from aion.convert.fingerprint import gguf_fingerprint
from aion.convert.gguf_copy import CopyingWriter
from aion.convert.gguf_file import GgufFile
from aion.convert.merge.gguf_adapter import GgufAdapter, ScaledAdapter
from aion.convert.merge.gguf_plan import plan
from aion.convert.merge.recode import check_encodable, encoded_blocks
from aion.convert.output import OutputTensor, Progress, refuse_existing, write_gguf
from aion.errors import CheckpointError
from aion.types import RowQuantizer

MERGED = "aion.merged"


def merge_gguf(
    base: Path,
    adapters: Sequence[ScaledAdapter],
    out: Path,
    *,
    file_type: str | None = None,
    quantizer: RowQuantizer | None = None,
    overwrite: bool = False,
    allow_other_base: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write `base` with `adapters` made part of it (W + scale * alpha / rank * B A, in float32) to `out`.

    With `file_type` None every tensor keeps its type: what no adapter touches is copied byte for byte,
    what one touches is encoded again. In a quantised base that rounds the touched tensors anew, so the
    result differs from base and adapter at run time by about as much as the base from its own source.
    f32, f16, bf16 and q8_0 make the whole file anew; other types are made by quantising such a file.
    `quantizer` is asked for the types that gguf cannot encode. A base whose head is its embedding gets a
    head of its own when an adapter changes one of the two.

    The metadata is copied as it is; `aion.merged.names`, `.scales` and `.hashes` (sha256 of each adapter
    file) say what was merged. `progress` is called with (tensor, number from 1, count). An adapter whose
    fingerprint is another base's is refused unless `allow_other_base`. CheckpointError for all that is
    wrong, and nothing is left behind.
    """
    _check_arguments(base, adapters, out, file_type, overwrite)
    model, opened = GgufFile(base), [GgufAdapter(adapter) for adapter in adapters]
    if model.text("general.type") not in {"", "model"} or not model.tensors:
        raise CheckpointError(f"{base} is not a model; name the base first, then its adapters.")
    for adapter in opened:
        _check_base(model, adapter, allow_other_base)
    merged = plan(model, opened, file_type)
    for tensor in merged:
        check_encodable(tensor, quantizer)
    writer = CopyingWriter(model)
    _describe(writer, model, opened, file_type)
    outputs = [
        OutputTensor(t.name, t.source.shape, t.kind, partial(encoded_blocks, model, t, quantizer))
        for t in merged
    ]
    write_gguf(writer, outputs, out, progress)
    return out


def _check_arguments(
    base: Path, adapters: Sequence[ScaledAdapter], out: Path, file_type: str | None, overwrite: bool
) -> None:
    if not adapters:
        raise CheckpointError(f"No adapter was named for {base}; name one or more.")
    if file_type is not None and file_type not in FILE_TYPES:
        raise CheckpointError(
            f"A merge cannot write the type {file_type!r}; merge to {', '.join(FILE_TYPES)} or keep the "
            "base's types, then quantise."
        )
    for source in (base, *(adapter.path for adapter in adapters)):
        if out.resolve() == source.resolve():
            raise CheckpointError(f"{out} is itself to be merged; name another output.")
    refuse_existing(out, overwrite)


def _check_base(model: GgufFile, adapter: GgufAdapter, allow_other_base: bool) -> None:
    if adapter.architecture != model.architecture:
        raise CheckpointError(
            f"{adapter.path} was made for {adapter.architecture!r}, and {model.path} is "
            f"{model.architecture!r}; name the adapter's own base."
        )
    if not adapter.fingerprint or allow_other_base:
        return
    found = gguf_fingerprint(model)
    if found != adapter.fingerprint:
        raise CheckpointError(
            f"{adapter.path} was trained on {adapter.base_name or 'another base'} "
            f"({adapter.fingerprint[:12]}), and {model.path} is {found[:12]}; name its own base, or allow "
            "another one in so many words."
        )


def _describe(
    writer: CopyingWriter, model: GgufFile, adapters: Sequence[GgufAdapter], file_type: str | None
) -> None:
    """The pairs that differ from the base's: the file's type, and what was merged, now and before."""
    if file_type is not None:
        writer.add_file_type(FILE_TYPES[file_type][0])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    parts: dict[str, tuple[list[Any], GGUFValueType]] = {
        "names": ([adapter.path.stem for adapter in adapters], GGUFValueType.STRING),
        "scales": ([adapter.scale for adapter in adapters], GGUFValueType.FLOAT32),
        "hashes": ([adapter.content_hash() for adapter in adapters], GGUFValueType.STRING),
    }
    for key, (values, kind) in parts.items():
        full = f"{MERGED}.{key}"
        before = list(model.array(full)) if full in model.pairs else []
        writer.add_key_value(full, before + values, GGUFValueType.ARRAY, sub_type=kind)
