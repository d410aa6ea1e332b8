"""Phones: Brazilian, Portuguese and, with + or 00, of anywhere. phonenumbers says which numbers exist.

Its own search of a text is not used: it takes 1.8 s a megabyte a region and knows no words around a number.
It is imported when the first candidate turns up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aion.privacy.finding import Candidate, Certainty, Kind
from aion.privacy.naming import END, START, is_quantity, subject

_ABROAD = re.compile(rf"(?:(?<!\d)\+|{START}00)[ (]{{0,2}}[1-9](?:[ .()/-]{{0,3}}\n?\d){{6,14}}(?!\d)")
_AREA = r"\( ?0?(?:\d{2}[ -]?)?\d{2} ?\)"
_BRAZIL = re.compile(
    rf"(?<!\d){_AREA}[ .-]{{0,2}}\n?(?:9[ .-]?)?\d{{4}}[ .-]{{0,3}}\d{{4}}{END}"
    rf"|{START}(?:0?\d{{2}}[ ./-]{{1,3}}(?:9[ .-]?)?\d{{4}}[ .-]{{0,3}}\d{{4}}"
    rf"|0?\d{{2}}9\d{{4}}[ .-]?\d{{4}}){END}"
)
_BRAZIL_RAW = re.compile(
    rf"{START}(?:55)?0?[1-9]{{2}}[2-5]\d{{3}}-?\d{{4}}{END}|{START}559?[1-9]{{2}}9\d{{8}}{END}"
    rf"|{START}55[1-9]{{2}}9\d{{8}}{END}"
)
_LOCAL = re.compile(
    rf"{START}(?:9[ .]?\d{{4}}[ .-]{{1,3}}\d{{4}}|[2-5]\d{{3}}[ .-]{{1,3}}\d{{4}}|9?[2-9]\d{{7}}){END}"
)
_PORTUGAL = re.compile(rf"(?:{START}|(?<=\())(?:351[ .-]?)?[239](?:[ .-]{{0,2}}\d){{8}}{END}")
_FREE = re.compile(
    rf"{START}(?:0[38]00[ .-]?\d{{3}}[ .-]?\d{{3,4}}|(?:800|808|707|761)[ .-]\d{{3}}[ .-]\d{{3}}"
    rf"|(?:4004|4003|3003|4020)[ .-]\d{{4}}){END}"
)
_PORTUGAL_GROUPS = frozenset(
    {"9", "333", "2322", "3222", "234", "243", "36", "63", "27", "225", "252", "324"}
)


def phones(text: str) -> Iterator[Candidate]:
    for match in _ABROAD.finditer(text):
        yield from _abroad(text, *match.span())
    for match in _BRAZIL.finditer(text):
        yield from _at_home(text, match, "BR", is_raw=match[0].isdigit() and len(match[0]) < 11)
    for match in _BRAZIL_RAW.finditer(text):
        digits = _digits(match[0])
        yield from _at_home(text, match, "BR", is_raw=not (digits.startswith("55") and len(digits) == 13))
    for match in _PORTUGAL.finditer(text):
        groups = "".join(str(len(group)) for group in re.findall(r"\d+", match[0].removeprefix("351")))
        is_number = groups == "333" and "." in match[0] and match[0][0] != "9"  # 300.794.157
        if groups in _PORTUGAL_GROUPS and not (is_number and subject(text, match.start()) != "phone"):
            yield from _at_home(text, match, "PT", is_raw=match[0].isdigit() and match[0][0] == "2")
    yield from _short(text)


def _short(text: str) -> Iterator[Candidate]:
    """Numbers without an area, and numbers free of charge."""
    for match in _LOCAL.finditer(text):
        is_mobile = len(_digits(match[0])) == 9 and match[0][0] == "9" and "-" in match[0]
        if _is_called(text, match.span(), is_raw=not is_mobile):
            yield Candidate(Kind.PHONE, *match.span(), Certainty.PLAUSIBLE, _digits(match[0]))
    for match in _FREE.finditer(text):
        if _is_called(text, match.span(), is_raw=not match[0].startswith(("0", "8", "7"))):
            yield Candidate(Kind.PHONE, *match.span(), Certainty.LIKELY, _digits(match[0]))


def _abroad(text: str, start: int, end: int) -> Iterator[Candidate]:
    """The longest number that exists, for what follows it may be "2 pessoas". Else all of it: one mistyped or
    of a new range is a phone still when + or a word says so."""
    first, last = "", end
    while end > start:
        written = re.sub(r"\A00", "+", text[start:end])
        value = _valid(written, None)
        if value:
            yield Candidate(Kind.PHONE, start, end, Certainty.CERTAIN, value)
            return
        first = first or written
        shorter = re.search(r"[^\d]+\d+\Z", text[start:end])
        end = start + shorter.start() if shorter and shorter.start() > 4 else start
    if text[start] == "+" or subject(text, start) == "phone":
        value = _valid(first, None, is_possible_enough=True)
        if value:
            yield Candidate(Kind.PHONE, start, last, Certainty.LIKELY, value)


def _at_home(text: str, match: re.Match[str], region: str, *, is_raw: bool) -> Iterator[Candidate]:
    """`is_raw`: nothing in its form says that it is a phone, so a word must."""
    if not _is_called(text, match.span(), is_raw=is_raw):
        return
    value = _valid(match[0], region) or (_valid(_with_zero(match[0]), region) if region == "BR" else "")
    if value:
        is_named = subject(text, match.start()) == "phone"
        certainty = (
            Certainty.CERTAIN if is_named else Certainty.PLAUSIBLE if match[0].isdigit() else Certainty.LIKELY
        )
        yield Candidate(Kind.PHONE, *match.span(), certainty, value)


def _is_called(text: str, span: tuple[int, int], *, is_raw: bool) -> bool:
    if is_quantity(text, *span):
        return False
    speaks_of = subject(text, span[0])
    return speaks_of == "phone" or (not speaks_of and not is_raw)


def _with_zero(written: str) -> str:
    digits = _digits(written)
    return digits if digits.startswith("0") else "0" + digits


def _valid(written: str, region: str | None, *, is_possible_enough: bool = False) -> str:
    """The number as +351912345678 if it exists, else ""."""
    import phonenumbers  # noqa: PLC0415 - 30 ms, and most texts have no candidate

    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return ""
    is_good = phonenumbers.is_possible_number if is_possible_enough else phonenumbers.is_valid_number
    if not is_good(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
