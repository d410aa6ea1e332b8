"""`aion check`."""

from __future__ import annotations

import json

import typer

from aion.cli.backup import facts_json, told
from aion.cli.console import counting, out
from aion.cli.index import print_problems
from aion.cli.options import DbOption, JsonOption
from aion.settings import load_settings


def check(as_json: JsonOption = False, db: DbOption = None) -> None:
    """Look at the whole store: the file, its rows, full text, vectors, events; say what mends what is wrong.

    Nothing is changed; a server may go on serving. Exit code 1 when anything is wrong.
    """
    from aion.server.upkeep.check import ALL_PARTS, check_all  # noqa: PLC0415 - loads llama.cpp

    settings = load_settings(db=db)
    n_looked: list[str] = []

    with counting("parts") as advance:

        def looking(what: str) -> None:
            advance(what, len(n_looked), len(ALL_PARTS))
            n_looked.append(what)

        report = check_all(settings, looking)
    if as_json:
        problems = [
            {
                "level": "note" if problem.is_note else "problem",
                "subject": problem.subject,
                "text": problem.text,
                "remedy": problem.remedy,
            }
            for problem in report.problems
        ]
        whole = {"ok": report.is_whole, "file": str(settings.db)} | facts_json(report.facts)
        out.print(json.dumps(whole | {"problems": problems}, ensure_ascii=False, indent=2), markup=False)
    else:
        out.print(f"{settings.db}: {told(report.facts)}.", markup=False)
        print_problems(report.problems)
        if report.is_whole:
            out.print("Nothing is wrong.")
    if not report.is_whole:
        raise typer.Exit(1)
