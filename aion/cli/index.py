"""`aion index`: is the search index true to the documents, and making it anew."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from aion.cli.console import counting, err, out
from aion.cli.options import DbOption
from aion.settings import load_settings

if TYPE_CHECKING:
    from aion.rag.index_check import Problem

index = typer.Typer(help="Check the search index, or build it again.", no_args_is_help=True)


@index.command("check")
def check(db: DbOption = None) -> None:
    """Compare the indexes with the texts and with brute force; say what is wrong and how to mend it.

    Nothing is changed; a server may go on serving. Exit code 1 when anything is wrong. `aion check` looks at
    this and at everything else in the file.
    """
    from aion.server.documents.index import check_index  # noqa: PLC0415 - loads llama.cpp

    settings = load_settings(db=db)
    n_looked: list[str] = []

    with counting("parts") as advance:

        def looking(what: str) -> None:
            advance(what, len(n_looked), 4)
            n_looked.append(what)

        problems = check_index(settings, looking)
    print_problems(problems)
    if any(not problem.is_note for problem in problems):
        raise typer.Exit(1)
    out.print("The index is as it should be.")


def print_problems(problems: Sequence[Problem]) -> None:
    """A line each, and what mends it."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for problem in problems:
        mark = "[yellow]note[/]" if problem.is_note else "[bold red]problem[/]"
        table.add_row(mark, problem.subject, f"{escape(problem.text)}\n[bold]→ {escape(problem.remedy)}[/]")
    if problems:
        out.print(table)


@index.command("rebuild")
def rebuild(
    vectors: Annotated[bool, typer.Option("--vectors", help="Only the vectors.")] = False,
    text: Annotated[bool, typer.Option("--text", help="Only the full-text index.")] = False,
    db: DbOption = None,
) -> None:
    """Make the full-text index and the vectors again from the stored texts, and give back unused space.

    A server may go on serving: the old index answers until the new one is whole. Interrupted? Run it
    again: it goes on where it was. Vectors of embedding models that are not in use any more are dropped.
    """
    from aion.server.documents.index import rebuild_index  # noqa: PLC0415 - loads llama.cpp

    settings = load_settings(db=db)
    n_before = settings.db.stat().st_size if settings.db.exists() else 0
    both = vectors == text
    with contextlib.ExitStack() as stack:
        advance = stack.enter_context(counting("chunks"))
        dropped = rebuild_index(settings, vectors=both or vectors, texts=both or text, progress=advance)
    for name in dropped:
        err.print(f"The vectors of {name} were not in use and are dropped.", markup=False)
    n_after = settings.db.stat().st_size
    out.print(f"Rebuilt. {settings.db}: {decimal(n_before)} before, {decimal(n_after)} now.", markup=False)
