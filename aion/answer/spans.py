"""A stretch of an answer's text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` of the answer as it was shown; offsets count Unicode code points, not bytes and not
    the UTF-16 units of JavaScript."""

    start: int
    end: int
