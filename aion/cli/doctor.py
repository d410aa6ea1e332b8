"""`aion doctor`."""

from __future__ import annotations

import typer
from rich.markup import escape
from rich.table import Table

from aion.cli.console import out
from aion.cli.options import DbOption, ModelOption
from aion.settings import load_settings

_MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "problem": "[bold red]problem[/]"}


def doctor(db: DbOption = None, model: ModelOption = None) -> None:
    """Look at everything AION needs and say what is wrong and how to mend it. Exit code 1 on a problem."""
    from aion.server.upkeep.doctor import examine  # noqa: PLC0415 - loads llama.cpp

    findings = examine(load_settings(db=db, base_model=model))
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        text = escape(finding.text)
        if finding.remedy:
            text = f"{text}\n[bold]→ {escape(finding.remedy)}[/]"
        table.add_row(_MARKS[finding.level], finding.subject, text)
    out.print(table)
    if any(f.level == "problem" for f in findings):
        raise typer.Exit(1)
