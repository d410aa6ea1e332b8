"""A whole call as models write it: an object with name and arguments, or Python's `name.call(key=value)`."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass

HEAD_CHARS = 400
_HEAD = re.compile(
    r'\{\s*"name"\s*:\s*("(?:[^"\\]|\\.){1,80}")\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{)'
)
_KEYS = ("name", "function", "type", "id", "arguments", "parameters")
_PYTHON = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.-]{0,63})\.call\((.*)\)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Call:
    """`arguments` is a JSON object as text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a call up to its arguments: its name, and how many characters it has."""

    name: str
    n_chars: int


def head_of(text: str) -> Head | None:
    """The head `text` begins with; None where it has none, or not yet."""
    found = _HEAD.match(text[:HEAD_CHARS])
    name = _json(found[1]) if found else None
    return Head(name, found.end()) if found and isinstance(name, str) else None


def may_be_call(text: str) -> bool:
    """Whether an object that begins so may be a call: by its first key, as far as that is there."""
    inside = text[1:].lstrip()
    key, quote, _ = inside[1:].partition('"')
    if not inside:
        return True
    return inside[0] == '"' and any(known == key if quote else known.startswith(key) for known in _KEYS)


def call_of(text: str) -> Call | None:
    """The call that a whole object is; None when it is none."""
    value = _json(text)
    if not isinstance(value, dict):
        return None
    function = value.get("function")
    if isinstance(function, dict):
        value = function
    name = value.get("name", function)
    given = value["arguments"] if "arguments" in value else value.get("parameters", {})
    arguments = _json(given) if isinstance(given, str) else given
    if not isinstance(name, str) or not name or not isinstance(arguments, dict):
        return None
    head = head_of(text)
    if head is not None and not isinstance(given, str):
        return Call(name, _first_object(text[head.n_chars :]))
    return Call(name, json.dumps(arguments, ensure_ascii=False))


def python_call_of(text: str) -> Call | None:
    """The call that `name.call(key=value, ...)` with plain values is."""
    found = _PYTHON.fullmatch(text)
    if found is None:
        return None
    try:
        call = ast.parse(f"f({found[2]})", mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            return None
        values = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords if each.arg}
        return (
            Call(found[1], json.dumps(values, ensure_ascii=False, allow_nan=False))
            if len(values) == len(call.keywords)
            else None
        )
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def is_object(text: str) -> bool:
    """Whether `text` is a whole JSON object."""
    return isinstance(_json(text), dict)


def _first_object(text: str) -> str:
    return text[: json.JSONDecoder().raw_decode(text)[1]]


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _json(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
