"""Accounts and payment cards: IBAN, the Portuguese NIB, cards of the brands that are about."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aion.privacy import checksums
from aion.privacy.finding import Candidate, Certainty, Kind
from aion.privacy.iban_lengths import IBAN_LENGTHS
from aion.privacy.named_documents import compact
from aion.privacy.naming import END, START, named, subject

_IBAN_START = re.compile(r"(?:(?<![^\W_])|(?<=iban))[A-Z]{2}(?= ?\d[ .-]?\d)", re.IGNORECASE)
_NIB = named("n\\.?i\\.?b\\.?", r"\d(?:[ .-]{0,2}\d){20}(?!\d)")
_CARD = re.compile(
    rf"{START}(?:\d{{4}}([ -]{{0,2}}\n?)\d{{4}}\1\d{{4}}\1\d{{4}}(?:\1\d{{3}})?"
    rf"|\d{{4}}[ -]?\d{{6}}[ -]?\d{{4,5}}|\d{{13,19}}){END}"
)
_CARD_NAMED = named(
    r"cart[aã]o(?: (?:de )?(?:cr[eé]dito|d[eé]bito))?|card(?: number)?|visa|mastercard|master|amex"
    r"|american express"
    r"|elo|hipercard|diners|maestro|jcb|pan",
    r"\d(?:[ .\n-]{0,3}\d){12,18}(?!\d)",
)
_BRANDS: tuple[tuple[str, tuple[int, ...]], ...] = (
    (r"4", (16, 19)),  # Visa
    (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
    (r"3[47]", (15,)),  # American Express
    (r"30[0-5]|3095|3[689]", (14, 16, 19)),  # Diners Club
    (r"6011|64[4-9]|65", (16, 19)),  # Discover
    (r"35(?:2[89]|[3-8])", (16, 19)),  # JCB
    (r"62", (16, 17, 18, 19)),  # UnionPay
    (r"5018|5020|5038|5893|6304|6759|676[123]", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (r"50(?:41|67|9)|6277|6362|6363|6500|6504|6505|6507|6509|6516|6550", (16,)),  # Elo
    (r"606282|3841", (13, 16, 19)),  # Hipercard
)
_BRAND = tuple((re.compile(prefix), lengths) for prefix, lengths in _BRANDS)


def payments(text: str) -> Iterator[Candidate]:
    yield from _ibans(text)
    for match in _NIB.finditer(text):
        number = compact(match["value"])
        if checksums.is_nib(number):
            yield Candidate(Kind.IBAN, *match.span("value"), Certainty.CERTAIN, f"PT50{number}")
    for match in _CARD_NAMED.finditer(text):
        yield from _card(text, *match.span("value"), Certainty.CERTAIN)
    for match in _CARD.finditer(text):
        if (
            not match[0].isdigit()
            or subject(text, match.start()) != "other"
            or _says_card(text, match.start())
        ):
            yield from _card(text, *match.span(), Certainty.LIKELY)


def _ibans(text: str) -> Iterator[Candidate]:
    for match in _IBAN_START.finditer(text):
        length = IBAN_LENGTHS.get(match[0].upper(), 0)
        end = _after(text, match.start(), length)
        if end:
            number = compact(text[match.start() : end])
            if checksums.is_iban(number):
                yield Candidate(Kind.IBAN, match.start(), end, Certainty.CERTAIN, number)


def _after(text: str, start: int, length: int) -> int:
    """Where the `length`-th letter or digit from `start` ends, few separators between two; 0 if nowhere."""
    seen = gap = 0
    for index in range(start, min(len(text), start + 4 * length)):
        char = text[index]
        if char.isascii() and char.isalnum():
            seen, gap = seen + 1, 0
            if seen == length:
                return 0 if text[index + 1 : index + 2].isalnum() else index + 1
        elif char in " .-\n/" and gap < 3:
            gap += 1
        else:
            return 0
    return 0


def _card(text: str, start: int, end: int, certainty: Certainty) -> Iterator[Candidate]:
    number = compact(text[start:end])
    if any(
        prefix.match(number) and len(number) in lengths for prefix, lengths in _BRAND
    ) and checksums.is_luhn(number):
        yield Candidate(Kind.CARD, start, end, certainty, number)


def _says_card(text: str, start: int) -> bool:
    return (
        re.search(r"cart[aã]o|card|visa|mastercard", text[max(0, start - 40) : start], re.IGNORECASE)
        is not None
    )
