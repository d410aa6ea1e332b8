"""Reads the settings: command line over environment over `.env` over defaults."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from aion.errors import SettingsError
from aion.settings.env_file import ENCODING, env_file
from aion.settings.names import env_name
from aion.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class BadValue:
    """A setting, what it was given, and why that cannot be used."""

    name: str
    given: str
    sentence: str


def load_settings(**overrides: object) -> Settings:
    """The settings; `overrides` that are None are left to the environment.

    Raises SettingsError with one line that names the setting and the value.
    """
    try:
        return read_settings({name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = bad_values(error)[0]
        raise SettingsError(first.sentence, param=first.name) from error


def read_settings(given: dict[str, object]) -> Settings:
    """The same, `given` over all else. Raises pydantic's ValidationError, which has all that is wrong, and
    SettingsError for a file that is no text."""
    file = env_file()
    try:
        return Settings(_env_file=file, _env_file_encoding=ENCODING, **given)  # type: ignore[arg-type]
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not UTF-8 ({error.reason}); save it as UTF-8.") from error


def bad_values(error: ValidationError) -> tuple[BadValue, ...]:
    """One a setting that cannot be used, in the order of the table."""
    found = []
    for each in error.errors():
        name = env_name(str(each["loc"][0]))
        reason = each["msg"].removeprefix("Value error, ")
        sentence = f"{name}={each['input']!r} cannot be used: {reason}."
        found.append(BadValue(name, str(each["input"]), sentence))
    return tuple(found)
