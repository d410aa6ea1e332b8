"""`aion convert-lora`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from aion.cli.console import counting, described, err, out, transferring
from aion.cli.options import OverwriteOption, PickleOption
from aion.errors import CheckpointError


def convert_lora(
    adapter: Annotated[Path, typer.Option("--adapter", help="A PEFT or mlx-lm folder.")],
    base: Annotated[
        str,
        typer.Option("--base", help="What it was trained on: a GGUF file, a checkpoint folder or a hub id."),
    ],
    to: Annotated[
        Path | None,
        typer.Option("--out", help="The GGUF adapter to write; NAME.gguf in the adapter's folder."),
    ] = None,
    file_type: Annotated[str, typer.Option("--type", help="f16, f32 or q8_0.")] = "f16",
    name: Annotated[str | None, typer.Option(help="The adapter's name in the file.")] = None,
    allow_pickle: PickleOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Turn a LoRA adapter into a GGUF adapter; of a hub id only its configuration is fetched.

    scripts/convert_lora.py does the same, and can have a running AION load it.
    """
    from aion.convert import lora  # noqa: PLC0415

    chosen = next((known for known in lora.ADAPTER_TYPES if known == file_type.lower()), None)
    if chosen is None:
        raise typer.BadParameter(f"{file_type!r} is none of {', '.join(lora.ADAPTER_TYPES)}.")
    overwrite = overwrite or to is None  # the name in the adapter's own folder is made for this
    to = to or adapter / f"{adapter.resolve().name}.gguf"
    with counting("tensors") as advance:
        converted = lora.convert_lora(
            adapter, _base(base, allow_pickle), to, chosen, overwrite=overwrite, progress=advance, name=name,
            allow_pickle=allow_pickle,
        )  # fmt: skip
    for warning in converted.warnings:
        err.print(f"[yellow]Note:[/] {escape(warning)}")
    out.print(f"{described(to)}, {converted.n_modules} modules, rank {converted.rank}", markup=False)


def _base(given: str, allow_pickle: bool) -> Path:
    from aion.convert.hub import cached_checkpoint, fetch_checkpoint, hub_id  # noqa: PLC0415

    path, wanted = Path(given), hub_id(given)
    try:
        if path.exists() or given.endswith(".gguf"):
            return path
    except OSError as error:  # a name too long, a folder that may not be read
        raise CheckpointError(f"{given:.200} cannot be read ({error.strerror}); check the path.") from error
    if wanted is None:
        raise CheckpointError(f"{given} is no file, no folder and no hub id (owner/name); name the base.")
    with transferring() as advance:
        cached = cached_checkpoint(wanted, allow_pickle=allow_pickle)
        return cached or fetch_checkpoint(wanted, advance, weights=False)
