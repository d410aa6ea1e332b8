"""The README says what there is: settings with their defaults, routes with their methods, commands."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main
from starlette.routing import Route

from aion.cli import app
from aion.server.app import create_app
from aion.settings import Settings
from tests.server.live import Live

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def settings_rows() -> list[tuple[str, str]]:
    """(name, default) as the table of the settings has them; "" where a row's defaults are not one each."""
    rows = []
    for line in section("Settings").splitlines():
        if not line.startswith("| `"):
            continue
        names, defaults = line.split("|")[1:3]
        named, given = re.findall(r"`(\w+)`", names), [each.strip() for each in defaults.split(", ")]
        rows += list(zip(named, given if len(given) == len(named) else [""] * len(named), strict=True))
    return rows


def test_every_setting_is_in_the_table_once() -> None:
    known = {f"AION_{name.upper()}" for name in Settings.model_fields} - {"AION_TENANT"}
    assert sorted(name for name, _ in settings_rows()) == sorted(known | {"PRIMARY_TENANT_ID"})


def test_numbers_in_the_table_are_the_defaults() -> None:
    shown = {
        name: (float(default), float(Settings.model_fields[name.removeprefix("AION_").lower()].default))
        for name, default in settings_rows()
        if re.fullmatch(r"-?\d+(\.\d+)?", default)
    }
    assert len(shown) > 15
    assert [name for name, (told, true) in shown.items() if told != true] == []


def test_the_table_of_routes_is_whole(sintra: Live) -> None:
    told = {
        (method, path.partition("?")[0])
        for row in re.findall(r"^\| (`[GPD].*?) \|", section("HTTP"), re.MULTILINE)
        for methods, path in re.findall(r"((?:`[A-Z]+`, )*`[A-Z]+) (/[^`]*)`", row)
        for method in re.findall(r"[A-Z]+", methods)
    }
    known = {
        (
            method,
            route.path.replace("{id}", "NUMBER").replace("{name}", "NAME").replace("{name:path}", "NAME"),
        )
        for route in create_app(sintra.services).routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    assert told == {(method, path) for method, path in known if method != "HEAD"}


def test_every_command_is_one() -> None:
    known = typer.main.get_group(app).commands
    told = set(re.findall(r"(?:^|bin/|`)aion ([a-z-]+)", README, re.MULTILINE))
    assert {"ingest", "search", "documents", "eval", "index"} <= told
    assert told - set(known) == set()
