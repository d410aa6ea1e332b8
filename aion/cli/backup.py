"""`aion backup` and `aion restore`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from aion.cli.console import counting, err, out
from aion.cli.options import DbOption, JsonOption
from aion.settings import load_settings

if TYPE_CHECKING:
    from aion.store.copies.page_copy import Facts


def backup(
    file: Annotated[Path, typer.Argument(help="The backup to make; in a folder it gets a dated name.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    as_json: JsonOption = False,
    db: DbOption = None,
) -> None:
    """Copy the store to FILE while AION serves: documents, vectors, events, budget, keys, all of one moment.

    FILE appears when it is whole and checked, and only you may read it: whoever has it has the documents.
    Keep it on another disk. Not in it: model files, adapters, settings.
    """
    from aion.server.upkeep.backup import back_up  # noqa: PLC0415

    settings = load_settings(db=db)
    with counting("pages") as advance:
        made = back_up(settings.db, file, advance, replaces=force)
    if as_json:
        whole = {"file": str(made.path), "late_events": made.n_late} | facts_json(made.facts)
        out.print(json.dumps(whole, ensure_ascii=False, indent=2), markup=False)
        return
    out.print(f"{made.path}: {told(made.facts)}.", markup=False)
    if made.n_late:
        err.print(f"{made.n_late} groups of events that waited for the disk are in it.", markup=False)


def restore(
    file: Annotated[Path, typer.Argument(help="A backup that `aion backup` made.")],
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Keep what the store holds now.")] = True,
    as_json: JsonOption = False,
    db: DbOption = None,
) -> None:
    """Put a backup's content in the place of the store's own, also while AION serves: it goes on with it.

    FILE is checked first. What the store holds now is kept in a dated file beside it. Money that was spent
    since stays spent, keys made or revoked since stay so, and ids of events are not given again.
    """
    from aion.server.upkeep.backup import put_back  # noqa: PLC0415

    settings = load_settings(db=db)
    with counting("pages") as advance:
        done = put_back(settings.db, file, advance, keeps=keep)
    if as_json:
        whole = {"file": str(settings.db), "kept": str(done.kept) if done.kept else None} | facts_json(
            done.facts
        )
        whole["note"] = done.trouble
        out.print(json.dumps(whole, ensure_ascii=False, indent=2), markup=False)
        return
    if done.trouble:
        err.print(f"Note: {done.trouble}.", markup=False)
    out.print(f"{settings.db} holds what {file} did: {told(done.facts)}.", markup=False)
    if done.kept is not None:
        out.print(
            f"What it held before is in {done.kept}; delete that when you do not need it.", markup=False
        )


def told(facts: Facts) -> str:
    """What a file holds, in a line."""
    made = f", a backup of {facts.made.at} by AION {facts.made.aion}" if facts.made else ""
    made += f", restored {facts.restored.at}" if facts.restored else ""
    return (
        f"{decimal(facts.n_bytes)}, {facts.n_documents:,} documents, {facts.n_events:,} events, "
        f"schema {facts.schema}{made}"
    )


def facts_json(facts: Facts) -> dict[str, object]:
    """What a file holds, and by whom it was made or restored where that is known."""
    return {
        "bytes": facts.n_bytes,
        "documents": facts.n_documents,
        "events": facts.n_events,
        "schema": facts.schema,
        "aion": facts.made.aion if facts.made else None,
        "made_at": facts.made.at if facts.made else None,
        "restored_at": facts.restored.at if facts.restored else None,
    }
