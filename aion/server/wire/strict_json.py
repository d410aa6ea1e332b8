"""JSON as RFC 8259 has it and no more, for what strangers send.

Python's parser also takes UTF-16, NaN, a name twice and numbers of thousands of digits, which others read
otherwise or not at all.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 100


class NotStrictJson(ValueError):
    """Says what is wrong, as a part of a sentence."""


def parsed(data: bytes) -> tuple[Any, str]:
    """The value of a JSON text in UTF-8, and which number in it is none, as it is written; "" where all are:
    a schema that meets the number can name the field, and must be asked first. Raises NotStrictJson.

    Halves of surrogate pairs come through as they are written, for what they are in differs by the field.
    """
    not_finite = list[str]()

    def constant(name: str) -> float:
        not_finite.append(name)
        return float(name)

    def number(digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            not_finite.append(digits[:20])
        return value

    decoder = json.JSONDecoder(parse_constant=constant, parse_float=number, object_pairs_hook=_object)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotStrictJson(f"byte {error.start} is not UTF-8") from error
    try:
        value = decoder.decode(text)
    except NotStrictJson:
        raise
    except RecursionError as error:
        raise NotStrictJson(f"it is nested deeper than {MAX_DEPTH}") from error
    except ValueError as error:
        is_syntax = isinstance(error, json.JSONDecodeError)
        raise NotStrictJson(str(error) if is_syntax else "a number has thousands of digits") from error
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _refuse_depth(value)
    return value, not_finite[0] if not_finite else ""


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return
    raise NotStrictJson(f"it is nested deeper than {MAX_DEPTH}")


def _containers(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for each in inner if isinstance(each, dict | list)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotStrictJson(f"{twice[:80]!r} is in one object twice")
    return made
