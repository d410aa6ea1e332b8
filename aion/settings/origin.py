"""Where each setting's value came from, and what in the environment and in `.env` is not understood."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr, ValidationError

from aion.settings.env_file import VARIABLE, env_file, lines_of
from aion.settings.live import LIVE
from aion.settings.load import BadValue, bad_values, read_settings
from aion.settings.names import UnknownName, env_name, names_of, unknown_names
from aion.settings.settings import Settings

MASK = "********"


@dataclass(frozen=True, slots=True)
class Origin:
    """`place` is the file, and `line` the line in it, where `kind` is "file"."""

    kind: Literal["command line", "environment", "file", "default"]
    place: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.place} line {self.line}" if self.kind == "file" else self.kind


@dataclass(frozen=True, slots=True)
class Explained:
    """One setting as it is, secrets masked; `problem` says why the value cannot be used, "" when it can."""

    field: str
    name: str
    value: object
    default: object
    origin: Origin
    meaning: str
    is_live: bool
    problem: str = ""

    @property
    def is_changed(self) -> bool:
        return self.origin.kind != "default"


@dataclass(frozen=True, slots=True)
class Explanation:
    """All settings in the order of the table; in `settings`, the default stands in for what cannot be used.
    `unknown` are names that are none, `unreadable` says which lines of the file count for nothing."""

    settings: Settings
    rows: tuple[Explained, ...]
    unknown: tuple[UnknownName, ...]
    unreadable: tuple[str, ...]


def explain(**overrides: object) -> Explanation:
    """The settings with their origins; `overrides` that are None are left to the environment.

    Raises SettingsError only for a file that cannot be read at all.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    problems, settings = _problems(given)
    defaults = {field: Settings.model_fields[field].default for field in problems}
    shown = settings or read_settings({**given, **defaults})
    found = origins(given)
    rows = tuple(
        Explained(
            field,
            env_name(field),
            problems[field].given if field in problems else _masked(getattr(shown, field)),
            _masked(info.default),
            found[field],
            info.description or "",
            field in LIVE,
            problems[field].sentence if field in problems else "",
        )
        for field, info in Settings.model_fields.items()
    )
    return Explanation(shown, rows, unknown(), unreadable())


def origins(given: Mapping[str, object]) -> dict[str, Origin]:
    """Where the value of each field comes from; `given` are those of the command line."""
    file = env_file()
    lines = {line.name.upper(): line.number for line in lines_of(file)}
    environment = {name.upper() for name in os.environ}
    return {field: _origin(field, given, environment, lines, file) for field in Settings.model_fields}


def unknown() -> tuple[UnknownName, ...]:
    """Names in the environment and in the file that look like settings and are none."""
    return unknown_names(sorted(os.environ), _named_in(env_file()))


def unreadable() -> tuple[str, ...]:
    """A sentence a line of the file that counts for nothing."""
    file = env_file()
    told = []
    for line in lines_of(file):
        if not line.name:
            told.append(f"{file} line {line.number} cannot be read; write NAME=VALUE.")
        elif line.name.upper() == VARIABLE:
            told.append(f"{file} line {line.number}: {VARIABLE} counts in the environment only.")
    return tuple(told)


def _origin(
    field: str, given: Mapping[str, object], environment: set[str], lines: Mapping[str, int], file: Path
) -> Origin:
    if field in given:
        return Origin("command line")
    names = names_of(field)
    if environment.intersection(names):
        return Origin("environment")
    number = next((lines[name] for name in names if name in lines), None)
    return Origin("default") if number is None else Origin("file", str(file), number)


def _problems(given: dict[str, object]) -> tuple[dict[str, BadValue], Settings | None]:
    """What is wrong, by field, or the settings."""
    try:
        return {}, read_settings(given)
    except ValidationError as error:
        fields = {name: field for field in Settings.model_fields for name in names_of(field)}
        return {fields[each.name]: each for each in bad_values(error)}, None


def _masked(value: object) -> object:
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    return value


def _named_in(file: Path) -> Iterator[tuple[str, str]]:
    for line in lines_of(file):
        if line.name:
            yield line.name, f"{file} line {line.number}"
