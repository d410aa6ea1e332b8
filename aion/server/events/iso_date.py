"""A day as requests and commands give it."""

from __future__ import annotations

import datetime
import re

_DAY_FIRST = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)", re.ASCII)  # other forms of ISO 8601 do not sort as texts


def iso_date(value: str) -> str:
    """`value`, a day or a time of one in ISO 8601. Raises ValueError."""
    try:
        if not _DAY_FIRST.match(value):
            raise ValueError(value)
        datetime.datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("it is no date; write it as 2026-01-31") from error
    return value


def is_reversed(first: str | None, last: str | None) -> bool:
    """Whether no day is in the range."""
    return bool(first and last and last[:10] < first[:10])
