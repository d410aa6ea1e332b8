"""`.env`, or the file that AION_ENV_FILE names: which line says what, and one line of it written anew."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path

from dotenv.main import dotenv_values
from dotenv.parser import Binding, parse_stream

from aion.errors import SettingsError
from aion.partial import whole_file

ENCODING = "utf-8-sig"  # Windows editors begin a file with a mark
VARIABLE = "AION_ENV_FILE"
_PLAIN = re.compile(r"[\w./:@%+,=-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A setting as the file has it; `number` counts from 1. `name` is "" where the line cannot be read."""

    name: str
    number: int


def env_file() -> Path:
    """The file of the settings. Raises SettingsError when one was named that is not there."""
    named = os.environ.get(VARIABLE, "")
    if named and not Path(named).expanduser().is_file():
        raise SettingsError(
            f"{VARIABLE}={named!r} is no file; create it, or leave {VARIABLE} out to read .env.",
            param=VARIABLE,
        )
    return Path(named).expanduser() if named else Path(".env")


def lines_of(file: Path) -> tuple[Line, ...]:
    """The lines that set something or cannot be read, in their order; none of a file that is not there."""
    return tuple(
        Line(binding.key or "", binding.original.line + _blank_lines(binding))
        for binding in parse_stream(io.StringIO(text_of(file)))
        if binding.error or binding.value is not None
    )


def text_of(file: Path) -> str:
    """What the file holds, "" where there is none. Raises SettingsError for one that is no text."""
    if not file.is_file():
        return ""
    try:
        return file.read_text(ENCODING)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not UTF-8 ({error.reason}); save it as UTF-8.") from error


def write_value(file: Path, name: str, value: str) -> None:
    """Have the file set `name` to `value`: in the line that does, else in a new one; all else stays.

    Raises SettingsError for a value that a file cannot hold, OSError where it cannot be written.
    """
    text = _with_value(text_of(file), name, value)
    if dotenv_values(stream=io.StringIO(text)).get(name) != value:
        raise SettingsError(
            f"{name}={value!r} cannot be written into {file}; write it there by hand.", param=name
        )
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
    with whole_file(file) as partial:
        partial.write_text(text, "utf-8")
        partial.chmod(mode)


def _with_value(text: str, name: str, value: str) -> str:
    """Of several lines the last counts, so all but that go."""
    shown = value if _PLAIN.fullmatch(value) else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    parts: list[str] = []
    at = None
    for binding in parse_stream(io.StringIO(text)):
        original = binding.original.string
        if (binding.key or "").upper() == name:
            at = len(parts)
            before = original[: len(original) - len(original.lstrip())]
            parts.append(before)
        else:
            parts.append(original)
    line = f"{name}={shown}\n"
    if at is not None:
        parts[at] += line
    elif text and not text.endswith("\n"):
        parts.append(f"\n{line}")
    else:
        parts.append(line)
    return "".join(parts)


def _blank_lines(binding: Binding) -> int:
    """A binding begins with the empty lines before it."""
    original = binding.original.string
    return original[: len(original) - len(original.lstrip())].count("\n")
