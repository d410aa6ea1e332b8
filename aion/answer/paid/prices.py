"""What paid models cost, as the operator wrote it, and the most a request to one can cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from aion.errors import SettingsError
from aion.store.money import cost_micros
from aion.types import Usage

_SETTING = "AION_FALLBACK_PRICES"
_HIGHEST = Decimal(100_000)  # money a million tokens; beyond it a decimal point is missing
_MILLION = Decimal(1_000_000)
_A_MESSAGE, _A_REQUEST = 16, 64  # tokens that a chat template puts around a message and around all


@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens, read and written."""

    tokens_in: Decimal
    tokens_out: Decimal

    def micros(self, usage: Usage) -> int:
        """The cost of these tokens, rounded up to a whole micro. Cached ones are counted in full."""
        money = self.tokens_in * usage.n_prompt + self.tokens_out * usage.n_completion
        return cost_micros(money / _MILLION)

    def worst_micros(self, messages: Sequence[Mapping[str, Any]], max_new_tokens: int) -> int:
        """The most a request can cost: no tokenizer over bytes makes more tokens of a text than it has bytes
        of UTF-8, and the answer ends at `max_new_tokens`."""
        texts = (str(value) for message in messages for value in message.values())
        n_bytes = sum(len(text.encode("utf-8", "replace")) for text in texts)
        n_prompt = n_bytes + _A_MESSAGE * len(messages) + _A_REQUEST
        return self.micros(Usage(n_prompt, max_new_tokens))


def read_prices(text: str) -> dict[str, Price]:
    """`model=IN/OUT, model=IN/OUT` as a price a model. Raises SettingsError, quoting what is wrong."""
    prices: dict[str, Price] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        model, is_named, price = entry.rpartition("=")
        tokens_in, is_pair, tokens_out = price.partition("/")
        if not (model.strip() and is_named and is_pair):
            raise _wrong(entry, "write MODEL=IN/OUT, money a million tokens, with a point: gpt-x=0.15/0.60")
        if model.strip() in prices:
            raise _wrong(entry, "that model has a price already")
        prices[model.strip()] = Price(_money(tokens_in, entry), _money(tokens_out, entry))
    return prices


def _money(text: str, entry: str) -> Decimal:
    try:
        money = Decimal(text.strip())
    except InvalidOperation:
        raise _wrong(entry, f"{text.strip()!r} is no number") from None
    if not money.is_finite() or not 0 <= money <= _HIGHEST:
        raise _wrong(entry, f"{text.strip()} is not from 0 to {_HIGHEST}")
    return money


def _wrong(entry: str, why: str) -> SettingsError:
    return SettingsError(f"{_SETTING}: {entry!r} cannot be read: {why}.", param=_SETTING)
