from __future__ import annotations

from decimal import Decimal

import pytest

from aion.answer.paid.prices import Price, read_prices
from aion.errors import SettingsError
from aion.types import Usage


def test_prices_are_read_a_model_each() -> None:
    assert read_prices("gpt-x=0.15/0.60, org/big:7b = 3 / 15 ,free=0/0,") == {
        "gpt-x": Price(Decimal("0.15"), Decimal("0.60")),
        "org/big:7b": Price(Decimal(3), Decimal(15)),
        "free": Price(Decimal(0), Decimal(0)),
    }
    assert read_prices("  ") == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("gpt-x", "'gpt-x'"),
        ("gpt-x=0.15", "'gpt-x=0.15'"),
        ("=1/2", "'=1/2'"),
        ("a=1/2,b=1/x", "'b=1/x'.*'x' is no number"),
        ("a=1/2,b=0,15/0,60", "'b=0'"),
        ("a=-1/2", "'a=-1/2'.*not from 0"),
        ("a=nan/2", "not from 0"),
        ("a=1/1e9", "not from 0 to 100000"),
        ("a=1/2,a=3/4", "'a=3/4'.*a price already"),
        ("a=1/2/3", "'2/3' is no number"),
    ],
)
def test_what_cannot_be_read_is_quoted(text: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"AION_FALLBACK_PRICES: .*{wrong}") as caught:
        read_prices(text)
    assert caught.value.param == "AION_FALLBACK_PRICES"


def test_a_cost_is_money_a_million_tokens_rounded_up() -> None:
    price = Price(Decimal("0.15"), Decimal("0.60"))
    assert price.micros(Usage(1_000_000, 1_000_000)) == 750_000
    assert price.micros(Usage(1, 0)) == 1
    assert price.micros(Usage(0, 0)) == 0
    assert price.micros(Usage(10, 10, n_cached=10)) == 8


def test_the_worst_case_is_never_below_the_bytes() -> None:
    price = Price(Decimal(1), Decimal(2))
    text = "ação 👩‍👩‍👧 \\ \n" * 50
    worst = price.worst_micros([{"role": "user", "content": text}], 100)
    assert worst >= price.micros(Usage(len(text.encode()), 100))
