"""`aion config`: every setting, what it is, where that came from, and what is wrong with it."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from aion.cli.console import err, out, wide
from aion.cli.options import DbOption, HostOption, JsonOption, ModelOption, PortOption
from aion.errors import AionError
from aion.settings.origin import Explained, Explanation, explain

_MEANING_FROM = 110
"""Columns of a terminal from which there is room for what a setting means."""


def config(
    as_json: JsonOption = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only what differs from the defaults.")] = False,
    host: HostOption = None,
    port: PortOption = None,
    db: DbOption = None,
    model: ModelOption = None,
) -> None:
    """List the settings with their values, where each came from, and their defaults; secrets are masked.

    Command line, environment, [bold].env[/], default: the first that says something wins. With the options
    of [bold]aion serve[/] it shows what that would run with. A running service takes over those marked * when
    it gets SIGHUP; others need a restart. All that is wrong is said at once, and the exit code is 1 then.
    """
    explanation = explain(host=host, port=port, db=db, base_model=model)
    problems = _problems(explanation)
    rows = [row for row in explanation.rows if row.is_changed or row.problem or not changed]
    if as_json:
        out.print_json(json.dumps(_json(explanation, rows, problems), default=str))
    else:
        _print(explanation, rows, problems)
    if problems:
        raise typer.Exit(1)


def _problems(explanation: Explanation) -> list[str]:
    """All that is wrong: values that cannot be used, and what others say together."""
    from aion.server.lifecycle.checks import problems  # noqa: PLC0415
    from aion.server.lifecycle.listen import address_of  # noqa: PLC0415 - the parts that read them

    malformed = [row.problem for row in explanation.rows if row.problem]
    together = [error.message for error in problems(explanation.settings)]
    try:
        address_of(explanation.settings)
    except AionError as error:
        together.append(error.message)
    return malformed + together


def _print(explanation: Explanation, rows: list[Explained], problems: list[str]) -> None:
    is_narrow = out.is_terminal and out.width < _MEANING_FROM  # else a line a setting, for grep
    table = Table(box=None, pad_edge=False, show_edge=False)
    for title in ("setting", "value", "from", "default", *(() if is_narrow else ("meaning",))):
        table.add_column(title, overflow="fold", no_wrap=title in {"setting", "from"})
    for row in rows:
        value, default = _shown(row.value), _shown(row.default)
        style = "bold red" if row.problem else "bold" if row.is_changed else ""
        table.add_row(
            f"{row.name}{'*' if row.is_live else ''}",
            f"[{style}]{escape(value)}[/]" if style else escape(value),
            escape(str(row.origin)),
            escape(default) if row.is_changed else "",
            *(() if is_narrow else (escape(row.meaning),)),
        )
    if rows:
        (out if out.is_terminal else wide).print(table, soft_wrap=False)
    else:
        out.print("Every setting has its default.")
    for name in explanation.unknown:
        err.print(f"[yellow]Note:[/] {escape(name.sentence)}")
    for sentence in explanation.unreadable:
        err.print(f"[yellow]Note:[/] {escape(sentence)}")
    for problem in problems:
        err.print(f"[bold red]aion:[/] {escape(problem)}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _json(explanation: Explanation, rows: list[Explained], problems: list[str]) -> dict[str, object]:
    return {
        "settings": [
            {
                "name": row.name,
                "value": row.value,
                "from": row.origin.kind,
                "file": row.origin.place or None,
                "line": row.origin.line or None,
                "default": row.default,
                "meaning": row.meaning,
                "live": row.is_live,
                "problem": row.problem or None,
            }
            for row in rows
        ],
        "unknown": [
            {"name": each.name, "place": each.place, "nearest": each.nearest or None}
            for each in explanation.unknown
        ],
        "unreadable": list(explanation.unreadable),
        "problems": problems,
    }
