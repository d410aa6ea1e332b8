"""Numbers of a text in one form, so that "1.250 €" is 1250, "9h30" is "9:30" and "oito" is 8.

Portuguese and English. A number that may be meant in several ways has several forms, any of which will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aion.answer.support.number_words import spelt

_SMALL = {"um": 1, "uma": 1, "dois": 2, "duas": 2, "one": 1, "two": 2, "primeiro": 1, "primeira": 1}
_MONTHS = {
    "janeiro": 1, "fevereiro": 2, "março": 3, "abril": 4, "maio": 5, "junho": 6, "julho": 7, "agosto": 8,
    "setembro": 9, "outubro": 10, "novembro": 11, "dezembro": 12, "january": 1, "february": 2, "march": 3,
    "april": 4, "may": 5, "june": 6, "july": 7, "august": 8, "september": 9, "october": 10, "november": 11,
    "december": 12,
}  # fmt: skip
_SCALE = re.compile(
    r"\s*(?:(mil|thousand)\b|(milh(?:ão|ões)|million)|(bilh(?:ão|ões)|bili(?:ão|ões)|billion))", re.IGNORECASE
)
_CLOCK = re.compile(
    r"(?<![\w.,:])([0-9]{1,2})(?:(?::|\.(?=[0-9]{2}\s?[ap]\.?m\b))([0-9]{2})(?!\d)|\s?h(?:oras?|rs?|s)?\s?([0-9]{2})?(?!\w)(?:\s?min)?)?"
    r"(?:\s?([ap])\.?m\b\.?)?",
    re.IGNORECASE,
)
_FIGURES = re.compile(r"(?<![^\W\d_])[0-9]+(?:[.,  ’'][0-9]{3})*(?:[.,][0-9]+)*")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[.,  ’'][0-9]{3})+")
_AFTER_CHARS = 12  # behind a figure, in which its scale stands
_WORD = re.compile(r"[^\W\d_]+")
_ROMAN = re.compile(r"\b(?=[IVXLC]{2})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})\b")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_CENTURY = re.compile(r"\bs[ée]c(?:ulos?|\.)\s+\Z", re.IGNORECASE)
_BEFORE_CHARS = 12  # of a Roman numeral, in which that stands
_YEAR = re.compile(r"\b(?:1[0-9]{3}|20[0-9]{2})\b")
_SHORT_YEAR = re.compile(r"\b([0-9]{2})[0-9]{2}\s?[-–/]\s?([0-9]{2})\b")


def numbers_told(text: str) -> list[frozenset[str]]:
    """The numbers of a text, each as the forms that it may be meant in. Number words below three tell too
    little ("os dois", "one of")."""
    return list(_found(text))


def numbers_known(text: str) -> set[str]:
    """Every form in which a text may be said to have a number; months are numbers too."""
    known = {form for forms in _found(text) for form in forms}
    for word in _WORD.findall(text.lower()):
        if (value := _SMALL.get(word) or _MONTHS.get(word)) is not None:
            known.add(str(value))
    for match in _SHORT_YEAR.finditer(text):
        known.add(match.group(1) + match.group(2))
    known.update(f"century {(int(year) - 1) // 100 + 1}" for year in _YEAR.findall(text))
    return known


def _found(text: str) -> Iterator[frozenset[str]]:
    taken = 0
    for match in _FIGURES.finditer(text):
        if match.start() < taken:
            continue
        clock = _CLOCK.match(text, match.start())
        if clock and (clock.group(2) or clock.group(4) or clock.end() > clock.end(1)):
            taken = clock.end()
            yield _clock_forms(clock)
        else:
            taken = match.end()
            yield _figure_forms(match.group(), text[match.end() : match.end() + _AFTER_CHARS])
    yield from spelt(text)
    for match in filter(re.Match.group, _ROMAN.finditer(text)):
        value = _roman(match.group())
        is_century = _CENTURY.search(text, max(0, match.start() - _BEFORE_CHARS), match.start())
        yield frozenset([str(value), *([f"century {value}"] if is_century else [])])


def _clock_forms(match: re.Match[str]) -> frozenset[str]:
    hour, minute = int(match.group(1)), match.group(2) or match.group(3) or "00"
    hours = {hour}
    if match.group(4):
        hours.add(hour % 12 + (12 if match.group(4).lower() == "p" else 0))
    forms = {f"{each}:{minute}" for each in hours}
    return frozenset(forms | ({str(each) for each in hours} if minute == "00" else set()))


def _figure_forms(figure: str, after: str) -> frozenset[str]:
    forms = {_decimal(figure)}
    if _GROUPED.fullmatch(figure):
        forms.add(re.sub(r"\D", "", figure).lstrip("0") or "0")
    if scale := _SCALE.match(after):
        factor = 1e3 if scale.group(1) else 1e6 if scale.group(2) else 1e9
        forms |= {f"{float(form) * factor:.0f}" for form in forms}
    return frozenset(forms)


def _decimal(figure: str) -> str:
    """The last mark before one or two digits is that of decimals; others part thousands."""
    whole, fraction = figure, ""
    if match := re.search(r"[.,]([0-9]{1,2})\Z", figure):
        whole, fraction = figure[: match.start()], match.group(1).rstrip("0")
    digits = re.sub(r"\D", "", whole).lstrip("0") or "0"
    return f"{digits}.{fraction}" if fraction else digits


def _roman(numeral: str) -> int:
    values = [_ROMAN_DIGITS[letter] for letter in numeral]
    followed = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < following else value for value, following in followed)
