from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.store.money import as_amount, cost_micros, limit_micros


@pytest.mark.parametrize(
    ("amount", "limit", "cost"),
    [("0.1", 100_000, 100_000), ("0.0000019", 1, 2), ("1e-9", 0, 1), ("0", 0, 0), ("10", 10**7, 10**7)],
)
def test_a_limit_is_rounded_down_and_a_cost_up(amount: str, limit: int, cost: int) -> None:
    assert (limit_micros(Decimal(amount)), cost_micros(Decimal(amount))) == (limit, cost)


def test_decimals_do_not_drift() -> None:
    assert limit_micros(sum([Decimal("0.1")] * 10, Decimal(0))) == limit_micros(Decimal(1))
    assert sum([0.1] * 10) < 1


@pytest.mark.parametrize(
    ("micros", "shown"),
    [(0, "0.00"), (1, "0.000001"), (10, "0.00001"), (100_000, "0.10"), (123_456, "0.123456"),
     (10**6, "1.00"), (10**9, "1000.00"), (10**15, "1000000000.00")],
)  # fmt: skip
def test_an_amount_is_shown_whole_with_two_decimals_at_least(micros: int, shown: str) -> None:
    assert str(as_amount(micros)) == shown


@given(st.integers(0, 10**15))
def test_an_amount_is_exact_both_ways(micros: int) -> None:
    assert limit_micros(as_amount(micros)) == cost_micros(as_amount(micros)) == micros
    assert round(float(as_amount(micros)) * 10**6) == micros
