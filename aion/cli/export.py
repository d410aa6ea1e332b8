"""`aion events export`: the log as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from aion.cli.console import err, out
from aion.cli.events import day, opened
from aion.cli.options import DbOption, JsonOption, TenantOption
from aion.settings import load_settings


def export(
    form: Annotated[
        Literal["chat", "raw"], typer.Option(help="Chat messages for fine-tuning, or every event as it is.")
    ] = "chat",
    file: Annotated[
        Path | None, typer.Option("--out", help="The file (AION_EVENTS_JSONL, for raw NAME.raw.jsonl).")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Write the file anew.")] = False,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only what happened from this day on (UTC).")
    ] = None,
    teacher: Annotated[
        bool, typer.Option("--teacher", help="Take answers of the paid API too, if its terms allow it.")
    ] = False,
    unsupported: Annotated[
        bool, typer.Option("--unsupported", help="Take answers with unsupported sentences too.")
    ] = False,
    personal: Annotated[
        bool, typer.Option("--raw-personal", help="Leave personal data in the raw form.")
    ] = False,
    as_json: JsonOption = False,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Bring a file of JSON lines up to date with the log; nothing is in it twice.

    In the form [bold]chat[/] are good answers only: those of the local model on trust, and corrections. What
    was corrected, judged or forgotten since it was exported is changed in the file too. Personal data is
    masked.
    """
    from aion.server.events.export_file import Wanted, export_dataset, exported_json  # noqa: PLC0415

    if personal and form != "raw":
        raise typer.BadParameter("--raw-personal is for --form raw; the chat form never has personal data.")
    if form == "raw" and (teacher or unsupported):
        raise typer.BadParameter("--teacher and --unsupported are for --form chat; the raw form has all.")
    since = day(since, "since") or None
    settings = load_settings(db=db, tenant=tenant)
    wanted = Wanted(form, file, since, fresh, teacher, unsupported, personal)
    with opened(settings) as store:
        exported = export_dataset(settings, store, wanted)
    if as_json:
        out.print(json.dumps(exported_json(exported), ensure_ascii=False, indent=2), markup=False)
        return
    out.print(f"{exported.path}: {exported.n_rows:,} rows, {exported.n_new:,} of them new.", markup=False)
    if exported.n_changed or exported.n_removed:
        err.print(f"Rows changed: {exported.n_changed:,}, removed: {exported.n_removed:,}.", markup=False)
    if exported.left_out:
        err.print(f"Left out: {_counted(exported.left_out)}.", markup=False)
    if exported.masked:
        err.print(f"Masked: {_counted(exported.masked)}.", markup=False)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items()))
