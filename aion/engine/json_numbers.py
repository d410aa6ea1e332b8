"""GBNF expressions for numbers within bounds, as JSON writes them. Knows no schema."""

from __future__ import annotations

from dataclasses import dataclass

_MOST_DIGITS = 16
_EXACT_DIGITS = 15  # what a double keeps of any decimal fraction


@dataclass(frozen=True, slots=True)
class Bounds:
    """Whole numbers or None for no bound; `without_low` and `without_high` leave the bound itself out."""

    low: int | None = None
    high: int | None = None
    without_low: bool = False
    without_high: bool = False


def integers(bounds: Bounds) -> str | None:
    """The whole numbers within inclusive bounds; None when there are none."""
    low, high = bounds.low, bounds.high
    found = []
    if high is None or high >= 0:
        found.append(naturals(max(low or 0, 0), high))
    if low is None or low < 0:
        nearest = max(1, -high) if high is not None else 1
        below = naturals(nearest, None if low is None else -low)
        found.append(below and f'"-" {_grouped(below)}')
    return _either(found)


def numbers(bounds: Bounds) -> str | None:
    """The decimal numbers within `bounds`, without exponents; None when there are none."""
    low, high = bounds.low, bounds.high
    found = []
    if high is None or high >= 0:
        above = Bounds(max(low or 0, 0), high, bounds.without_low and (low or 0) >= 0, bounds.without_high)
        found.append(_magnitudes(above))
    if low is None or low < 0:
        far = None if low is None else -low
        is_open = high is None or high >= 0
        near = 0 if high is None or high >= 0 else -high
        below = _magnitudes(Bounds(near, far, is_open or bounds.without_high, bounds.without_low))
        found.append(below and f'"-" {_grouped(below)}')
    return _either(found)


def naturals(low: int, high: int | None) -> str | None:
    """The whole numbers from `low` >= 0 to `high`, or as far as 16 digits and one more than `low` go."""
    if high is None:
        high = 10 ** max(_MOST_DIGITS, len(str(low)) + 1) - 1
    found: list[str | None] = []
    for n in range(len(str(low)), len(str(high)) + 1):
        first, last = max(low, 10 ** (n - 1) if n > 1 else 0), min(high, 10**n - 1)
        if first <= last:
            found.append(_same_length(str(first), str(last)))
    return _either(found)


def _magnitudes(bounds: Bounds) -> str | None:
    low, high = bounds.low or 0, bounds.high
    n_digits = max(1, _EXACT_DIGITS - len(str(high or low)))
    if high is not None and (low > high or (low == high and (bounds.without_low or bounds.without_high))):
        return None
    if low == high:
        return f'"{low}"'
    fraction = f'("." [0-9]{{1,{n_digits}}})?'
    some = f'"." [0-9]{{0,{n_digits - 1}}} [1-9]' if bounds.without_low else fraction
    found: list[str | None] = [f'"{low}" {some}']
    if high is None or low + 1 <= high - 1:
        between = naturals(low + 1, None if high is None else high - 1)
        found.append(between and f"{_grouped(between)} {fraction}")
    if high is not None and not bounds.without_high:
        found.append(f'"{high}"')
    return _either(found)


def _same_length(low: str, high: str) -> str:
    """The digits strings between two of one length."""
    if not low:
        return '""'
    if low == high:
        return f'"{low}"'
    if set(low) == {"0"} and set(high) == {"9"}:
        return f"[0-9]{{{len(low)}}}"
    if low[0] == high[0]:
        return f'"{low[0]}" {_grouped(_same_length(low[1:], high[1:]))}'
    first, last, rest = int(low[0]), int(high[0]), len(low) - 1
    found = []
    if low[1:].strip("0"):
        found.append(f'"{first}" {_grouped(_same_length(low[1:], "9" * rest))}')
        first += 1
    tail = None
    if high[1:].strip("9"):
        tail = f'"{last}" {_grouped(_same_length("0" * rest, high[1:]))}'
        last -= 1
    if first <= last:
        found.append(f"[{first}-{last}]" + (f" [0-9]{{{rest}}}" if rest else ""))
    return " | ".join(found + ([tail] if tail else []))


def _grouped(expression: str) -> str:
    return f"({expression})" if "|" in expression else expression


def _either(found: list[str | None]) -> str | None:
    return " | ".join(part for part in found if part) or None
