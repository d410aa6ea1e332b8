"""Single keywords of a JSON schema, read and checked. Raises ValueError that names the place."""

from __future__ import annotations

import math

from aion.engine.json_numbers import Bounds


def is_of(value: object, kinds: object) -> bool:
    """Whether a value is of one of the types; of any where none is given."""
    if kinds is None:
        return True
    names = {
        bool: {"boolean"}, int: {"integer", "number"}, float: {"number"}, str: {"string"},
        list: {"array"}, dict: {"object"}, type(None): {"null"},
    }[type(value)]  # fmt: skip
    return bool(names & set(kinds if isinstance(kinds, list) else [str(kinds)]))


def count_at(schema: dict[str, object], key: str, path: str) -> int | None:
    value = schema.get(key)
    if value is not None and (type(value) is not int or value < 0):
        raise ValueError(f"{key} at {path} is {value!r}, not a whole number from 0")
    return value


def _number_at(schema: dict[str, object], key: str, path: str) -> float | int | None:
    value = schema.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise ValueError(f"{key} at {path} is {value!r}, not a number")
    return value


def integer_bounds(schema: dict[str, object], path: str) -> Bounds:
    """The bounds of whole numbers, made inclusive."""
    at_least, above = (_number_at(schema, key, path) for key in ("minimum", "exclusiveMinimum"))
    at_most, below = (_number_at(schema, key, path) for key in ("maximum", "exclusiveMaximum"))
    lows = [
        *([] if at_least is None else [math.ceil(at_least)]),
        *([] if above is None else [math.floor(above) + 1]),
    ]
    highs = [
        *([] if at_most is None else [math.floor(at_most)]),
        *([] if below is None else [math.ceil(below) - 1]),
    ]
    return Bounds(max(lows, default=None), min(highs, default=None))


def number_bounds(schema: dict[str, object], path: str) -> Bounds:
    at_least, above = (_number_at(schema, key, path) for key in ("minimum", "exclusiveMinimum"))
    at_most, below = (_number_at(schema, key, path) for key in ("maximum", "exclusiveMaximum"))
    for value in (at_least, above, at_most, below):
        if value is not None and value != int(value):
            raise ValueError(f"the bound {value} at {path} is not whole, which is not supported for numbers")
    low = max((v for v in (at_least, above) if v is not None), default=None)
    high = min((v for v in (at_most, below) if v is not None), default=None)
    return Bounds(
        None if low is None else int(low),
        None if high is None else int(high),
        above is not None and above == low,
        below is not None and below == high,
    )
