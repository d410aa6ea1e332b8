"""Plates of vehicles, Brazilian (old and Mercosul) and Portuguese. Only forms that little else has count
without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aion.privacy.finding import Candidate, Certainty, Kind
from aion.privacy.naming import CONNECT, subject

_ALONE = re.compile(
    r"(?<![\w-])(?:[A-Z]{2}-\d{2}-[A-Z]{2}|\d{2}-[A-Z]{2}-\d{2}|\d{2}-\d{2}-[A-Z]{2})(?![\w-])"
)
_WORDS = r"placas?|matr[ií]cula|ve[ií]culo|carro|viatura|van|(?:license )?plate"
_NAMED = re.compile(
    rf"(?<![^\W_])(?i:{_WORDS}){CONNECT}(?i:(?:placa|matr[ií]cula|mercosul)?){CONNECT}"
    r"(?P<value>[A-Z]{3}[ -]?\d[A-Z0-9]\d{2}|[a-z]{3}-?\d[a-z0-9]\d{2}|[A-Z]{2}[ -]?\d{2}[ -]?(?:[A-Z]{2}"
    r"|\d{2})"
    r"|\d{2}[ -]?[A-Z]{2}[ -]?\d{2}|\d{2}[ -]?\d{2}[ -]?[A-Z]{2})(?![\w-])"
)


def plates(text: str) -> Iterator[Candidate]:
    for match in _ALONE.finditer(text):
        if subject(text, match.start()) != "other":
            yield _plate(match[0], match.span(), Certainty.LIKELY)
    for match in _NAMED.finditer(text):
        yield _plate(match["value"], match.span("value"), Certainty.CERTAIN)


def _plate(written: str, span: tuple[int, int], certainty: Certainty) -> Candidate:
    return Candidate(Kind.PLATE, *span, certainty, re.sub(r"[ -]", "", written).upper())
