"""Money as whole micros, millionths of the currency of the prices, so that sums are exact."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

_MICROS = 1_000_000
_TWO_PLACES = Decimal("0.01")


def limit_micros(amount: Decimal) -> int:
    """An amount that may be spent, rounded down: never more than was allowed."""
    return int((amount * _MICROS).to_integral_value(ROUND_FLOOR))


def cost_micros(amount: Decimal) -> int:
    """An amount that something costs, rounded up: never less than is paid."""
    return int((amount * _MICROS).to_integral_value(ROUND_CEILING))


def as_amount(micros: int) -> Decimal:
    """The exact amount, with two decimals at least: 1.00, 0.000123."""
    exact = Decimal(micros).scaleb(-6)
    short = exact.quantize(_TWO_PLACES, ROUND_FLOOR)
    return short if short == exact else exact.normalize()
