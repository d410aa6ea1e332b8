"""`aion pull`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from aion.cli.console import counting, described, err, out, transferring
from aion.cli.file_types import TypeOption
from aion.cli.options import PickleOption
from aion.errors import HubError
from aion.machine import n_physical_cores
from aion.settings import Settings, load_settings


def pull(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A hub id owner/name\\[@revision], or a name of --list; AION_BASE_MODEL's if none."
        ),
    ] = None,
    file_type: TypeOption = None,
    file: Annotated[
        str | None, typer.Option("--file", help="This GGUF file of the repository, whatever its type.")
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Show recommended models, with size and memory, and leave.")
    ] = False,
    allow_pickle: PickleOption = False,
) -> None:
    """Fetch a model into the models folder, to be served from there.

    A repository that holds a GGUF of the type gives that one; else its checkpoint is converted here.
    The type is the recommended one, or q4_k_m (16 bits with AION_LOAD_IN_4BIT=false).
    Interrupted? Run it again: it goes on where it was. What is there already is not fetched again.
    """
    from aion.convert.caveats import caveats  # noqa: PLC0415 - keeps the start of other commands short

    settings = load_settings()
    if listed:
        out.print(_list(settings), markup=False)
        return
    path = _pull(name or settings.base_model, file_type, file, allow_pickle, settings)
    out.print(described(path), markup=False)
    for caveat in caveats(path):
        err.print(caveat, markup=False)


def _pull(name: str, file_type: str | None, file: str | None, allow_pickle: bool, settings: Settings) -> Path:
    from aion.convert.hub import hub_id  # noqa: PLC0415 - loads an HTTP client
    from aion.server.model_files import pull as pulling  # noqa: PLC0415
    from aion.server.model_files.provision import FOUR_BIT  # noqa: PLC0415 - loads llama.cpp
    from aion.server.model_files.recommended import recommended  # noqa: PLC0415

    entry = recommended(name)
    wanted = hub_id(entry.hub_id if entry else name)
    if wanted is None:
        raise HubError(
            f"{name!r} is not a hub id such as owner/name; see `aion pull --list`, or use `aion convert`."
        )
    usual = entry.file_type if entry else FOUR_BIT if settings.load_in_4bit else None
    wish = pulling.Wish(wanted, file_type or usual, file, allow_pickle)
    with transferring() as fetching, counting("tensors") as converting:
        return pulling.pull(
            wish,
            settings.models_dir,
            n_threads=settings.threads or n_physical_cores(),
            fetching=fetching,
            converting=converting,
        )


def _list(settings: Settings) -> str:
    from aion.engine.placement import USUAL_PARALLEL  # noqa: PLC0415 - keeps the start of other commands short
    from aion.server.model_files.recommended import RECOMMENDED  # noqa: PLC0415

    n_parallel = settings.parallel or USUAL_PARALLEL
    n_cells = settings.ctx * n_parallel
    lines = []
    for model in RECOMMENDED:
        sizes = [decimal(n) for n in (model.download_bytes, model.file_bytes, model.memory_bytes(n_cells))]
        lines += [
            model.hub_id,
            f"    {model.use}, {model.licence}: download {sizes[0]}, file {sizes[1]} ({model.file_type}), "
            f"memory {sizes[2]}",
            *([f"    {model.note}"] if model.note else []),
        ]
    return "\n".join([
        *lines, "", "Sizes are approximate; the memory of a chat model is for "
        f"{n_parallel} sequences of {settings.ctx} tokens (AION_PARALLEL, AION_CTX).",
    ])  # fmt: skip
