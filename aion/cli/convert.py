"""`aion convert` and `aion quantize`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aion.cli.console import counting, described, err, out
from aion.cli.file_types import TypeOption, known
from aion.cli.options import ImatrixOption, OverwriteOption, PickleOption
from aion.cli.sources import checkpoint_folder
from aion.errors import CheckpointError
from aion.machine import n_physical_cores
from aion.settings import load_settings


def convert(
    source: Annotated[str, typer.Argument(help="A checkpoint folder, or a hub id owner/name\\[@revision].")],
    to: Annotated[
        Path | None, typer.Option("--out", help="The GGUF file to write; MODELS_DIR/NAME-TYPE.gguf if none.")
    ] = None,
    file_type: TypeOption = "f16",
    name: Annotated[str | None, typer.Option(help="The model's name in the file.")] = None,
    imatrix: ImatrixOption = None,
    allow_pickle: PickleOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Turn a Hugging Face checkpoint into a GGUF, without torch.

    A hub id is downloaded first, into Hugging Face's own cache; an interrupted download goes on where it was.
    """
    from aion.convert.caveats import caveats  # noqa: PLC0415
    from aion.convert.description import refuse_unconvertible  # noqa: PLC0415
    from aion.server.model_files.make_gguf import Recipe, make_gguf  # noqa: PLC0415 - loads llama.cpp

    settings = load_settings()
    found = checkpoint_folder(source, allow_pickle=allow_pickle, check=refuse_unconvertible)
    recipe = Recipe(
        file_type or "f16", name or found.name, found.repository, allow_pickle, imatrix,
        settings.threads or n_physical_cores(),
    )  # fmt: skip
    if to is None:
        to = _made(settings.models_dir) / recipe.file_name(found.folder)
    with counting("tensors") as advance:
        make_gguf(found.folder, to, recipe, overwrite=overwrite, progress=advance)
    out.print(described(to), markup=False)
    for caveat in caveats(to):
        err.print(caveat, markup=False)


def _made(models_dir: Path) -> Path:
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"{models_dir} cannot be made ({error.strerror or error}); name another folder in "
            "AION_MODELS_DIR, or the file in --out."
        ) from error
    return models_dir


def quantize(
    source: Annotated[Path, typer.Argument(help="A GGUF file in f32, f16, bf16 or q8_0.")],
    to: Annotated[Path, typer.Argument(help="The GGUF file to write.", metavar="OUT")],
    file_type: Annotated[
        str, typer.Option("--type", callback=known, help="How weights are stored; a wrong one lists all.")
    ] = "q4_k_m",
    imatrix: ImatrixOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Store a GGUF's weights in fewer bits, with llama.cpp's own quantiser."""
    from aion.engine.quantize import quantize as quantize_file  # noqa: PLC0415 - loads llama.cpp

    n_threads = load_settings().threads or n_physical_cores()
    with counting("tensors") as advance:
        quantize_file(
            source, to, file_type, imatrix=imatrix, n_threads=n_threads, progress=advance,
            overwrite=overwrite,
        )  # fmt: skip
    out.print(described(to), markup=False)
