"""`aion merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aion.cli.console import counting, described, out
from aion.cli.file_types import TypeOption
from aion.cli.options import ImatrixOption, OverwriteOption, PickleOption
from aion.cli.sources import checkpoint_folder
from aion.machine import n_physical_cores
from aion.settings import load_settings

ToOption = Annotated[Path, typer.Option("--out", help="The GGUF file, or with --base the folder, to write.")]


def merge(
    to: ToOption,
    base_file: Annotated[
        Path | None, typer.Argument(metavar="BASE.gguf", help="The base model, a GGUF file.")
    ] = None,
    adapter_files: Annotated[
        list[Path] | None, typer.Argument(metavar="ADAPTER.gguf...", help="One or more GGUF adapters.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--base", help="Instead of BASE.gguf: the base's checkpoint, a folder or a hub id."),
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option("--adapter", help="Instead of ADAPTER.gguf: a PEFT or mlx-lm folder.")
    ] = None,
    file_type: TypeOption = None,
    scale: Annotated[
        list[float] | None,
        typer.Option("--scale", help="How much of an adapter; once for all, or once for each. 1 is all."),
    ] = None,
    imatrix: ImatrixOption = None,
    allow_other_base: Annotated[
        bool, typer.Option("--allow-other-base", help="Merge although the adapter names another base.")
    ] = False,
    allow_pickle: PickleOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Make adapters part of their base, once and for all.

    [bold]aion merge BASE.gguf ADAPTER.gguf --out F[/] needs no checkpoint; weights keep their types.

    [bold]aion merge --base DIR --adapter DIR --out F.gguf[/] merges checkpoints: for what no GGUF adapter can
    hold (DoRA, modules_to_save, a grown vocabulary). With --out DIR the result is a checkpoint again.
    """
    adapters = adapter_files or []
    if base is not None or adapter is not None:
        if base is None or adapter is None or base_file or adapters or scale:
            raise typer.BadParameter("--base and --adapter go together, without other models and --scale.")
        _merge_checkpoints(base, adapter, to, file_type, imatrix, allow_pickle, overwrite)
        return
    if base_file is None or not adapters:
        raise typer.BadParameter("Name BASE.gguf and ADAPTER.gguf, or --base and --adapter.")
    scales = scale or [1.0]
    if len(scales) not in (1, len(adapters)):
        raise typer.BadParameter(
            f"{len(scales)} scales for {len(adapters)} adapters; name one, or one for each."
        )
    _merge_files(
        base_file, adapters, scales * (len(adapters) if len(scales) == 1 else 1), to, file_type, imatrix,
        allow_other_base, overwrite,
    )  # fmt: skip


def _merge_files(
    base: Path,
    adapters: list[Path],
    scales: list[float],
    to: Path,
    file_type: str | None,
    imatrix: Path | None,
    allow_other_base: bool,
    overwrite: bool,
) -> None:
    from aion.convert.merge import ScaledAdapter  # noqa: PLC0415
    from aion.server.model_files.merge_gguf import merge_into_gguf  # noqa: PLC0415 - loads llama.cpp

    scaled = [ScaledAdapter(path, scale) for path, scale in zip(adapters, scales, strict=True)]
    with counting("tensors") as advance:
        merge_into_gguf(
            base, scaled, to, file_type, imatrix=imatrix, allow_other_base=allow_other_base,
            overwrite=overwrite, n_threads=load_settings().threads or n_physical_cores(), progress=advance,
        )  # fmt: skip
    out.print(described(to), markup=False)


def _merge_checkpoints(
    base: str,
    adapter: Path,
    to: Path,
    file_type: str | None,
    imatrix: Path | None,
    allow_pickle: bool,
    overwrite: bool,
) -> None:
    from aion.convert.description import refuse_unconvertible  # noqa: PLC0415
    from aion.convert.merge import merge_checkpoint  # noqa: PLC0415
    from aion.server.model_files.make_gguf import Recipe  # noqa: PLC0415 - loads llama.cpp
    from aion.server.model_files.merge_gguf import merge_checkpoint_into_gguf  # noqa: PLC0415

    if to.suffix != ".gguf" and (file_type or imatrix):
        raise typer.BadParameter(f"--type and --imatrix are for a GGUF; name one in --out, not {to}.")
    check = refuse_unconvertible if to.suffix == ".gguf" else None
    folder = checkpoint_folder(base, allow_pickle=allow_pickle, check=check).folder
    with counting("tensors") as advance:
        if to.suffix != ".gguf":
            merge_checkpoint(
                folder, adapter, to, allow_pickle=allow_pickle, overwrite=overwrite, progress=advance
            )
            out.print(f"{to}: a checkpoint; make a GGUF of it with `aion convert {to}`", markup=False)
            return
        n_threads = load_settings().threads or n_physical_cores()
        recipe = Recipe(file_type or "f16", to.stem, None, allow_pickle, imatrix, n_threads)
        merge_checkpoint_into_gguf(folder, adapter, to, recipe, overwrite=overwrite, progress=advance)
    out.print(described(to), markup=False)
