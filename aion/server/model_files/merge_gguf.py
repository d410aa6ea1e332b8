"""Adapters merged into a GGUF of any type. Joins the merge of `convert` and llama.cpp's quantiser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aion.convert.encode import FILE_TYPES
from aion.convert.merge import ScaledAdapter, merge_checkpoint, merge_gguf
from aion.convert.output import refuse_existing
from aion.engine.quantize import quantize
from aion.engine.row_quantizer import quantize_rows
from aion.errors import CheckpointError
from aion.server.model_files.make_gguf import Recipe, make_gguf
from aion.server.model_files.one_maker import GgufProgress, alone_with, one_maker


def merge_into_gguf(
    base: Path,
    adapters: Sequence[ScaledAdapter],
    out: Path,
    file_type: str | None = None,
    *,
    imatrix: Path | None = None,
    allow_other_base: bool = False,
    overwrite: bool = False,
    n_threads: int = 1,
    progress: GgufProgress | None = None,
) -> Path:
    """`base` with `adapters` in it, in the base's types (`file_type` None) or another; whole or not at all.

    A type under 8 bits is made of the merge in f16. Raises CheckpointError, ModelError.
    """
    refuse_existing(out, overwrite)
    if file_type is None or file_type in FILE_TYPES:
        if imatrix is not None:
            raise CheckpointError(
                "An importance matrix is for a --type under 8 bits; name one, or leave it out."
            )
        return merge_gguf(
            base, adapters, out, file_type=file_type, quantizer=quantize_rows, overwrite=overwrite,
            allow_other_base=allow_other_base, progress=progress,
        )  # fmt: skip
    try:
        with one_maker(out, progress) as between:
            merge_gguf(
                base, adapters, between, file_type="f16", quantizer=quantize_rows, overwrite=True,
                allow_other_base=allow_other_base, progress=progress,
            )  # fmt: skip
            quantize(
                between, out, file_type, imatrix=imatrix, n_threads=n_threads, progress=progress,
                overwrite=overwrite,
            )  # fmt: skip
    except OSError as error:
        raise CheckpointError(
            f"{out} cannot be written ({error.strerror or error}); name another place."
        ) from error
    return out


def merge_checkpoint_into_gguf(
    base: Path,
    adapter: Path,
    out: Path,
    recipe: Recipe,
    *,
    overwrite: bool = False,
    progress: GgufProgress | None = None,
) -> Path:
    """The checkpoint folder `base` with the PEFT or mlx-lm folder `adapter` in it, as a GGUF.

    Pickles are read where `recipe` allows it. The merged checkpoint lies beside `out` meanwhile and is
    deleted. Raises CheckpointError, ModelError.
    """
    refuse_existing(out, overwrite)
    try:
        with alone_with(out, "merged", progress) as merged:
            merge_checkpoint(
                base, adapter, merged, allow_pickle=recipe.allow_pickle, overwrite=True, progress=progress
            )
            return make_gguf(merged, out, recipe, overwrite=overwrite, progress=progress)
    except OSError as error:
        raise CheckpointError(
            f"{out} cannot be written ({error.strerror or error}); name another place."
        ) from error
