"""Dates of birth, where a word names them. A date of before 1910 is history."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aion.privacy.finding import Candidate, Certainty, Kind
from aion.privacy.naming import CONNECT

_MONTH = (
    r"(?:jan(?:eiro|uary)?|fev(?:ereiro)?|feb(?:ruary)?|mar(?:ço|co|ch)?|abr(?:il)?|apr(?:il)?|maio?|may"
    r"|jun(?:ho|e)?"
    r"|jul(?:ho|y)?|ago(?:sto)?|aug(?:ust)?|set(?:embro)?|sep(?:tember)?|out(?:ubro)?|oct(?:ober)?"
    r"|nov(?:embro|ember)?|dez(?:embro)?|dec(?:ember)?)\.?"
)
_YEAR = r"(?:19[1-9]\d|20[0-4]\d)"
_DATE = (
    rf"(?:\d{{1,2}} ?[/.-] ?\d{{1,2}} ?[/.-] ?(?:{_YEAR}|\d{{2}})|{_YEAR}[/.-]\d{{1,2}}[/.-]\d{{1,2}}"
    rf"|\d{{1,2}}(?:º|st|nd|rd|th)?(?: de| of)? {_MONTH},?(?: de)? {_YEAR}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? {_YEAR})(?![\w/])"
)
_WORDS = (
    r"data de nasc(?:imento|\.)?|dt\.? ?nasc\.?|d\.?n\.?|nascimento|nasc\.?|nasci|nascid[oa]s?|nasceu"
    r"|date of birth"
    r"|birth ?date|birthday|d\.?o\.?b\.?|born"
)
_BIRTH = re.compile(
    rf"(?<![^\W\d_])(?:{_WORDS}){CONNECT}(?:em|ao|on|no dia|dia|in)?{CONNECT}(?P<value>{_DATE})",
    re.IGNORECASE,
)


def births(text: str) -> Iterator[Candidate]:
    for match in _BIRTH.finditer(text):
        value = " ".join(match["value"].lower().split())
        yield Candidate(Kind.BIRTH, *match.span("value"), Certainty.CERTAIN, value)
