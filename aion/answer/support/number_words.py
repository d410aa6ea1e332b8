"""Numbers spelt in words: "duzentas e cinquenta" is 250, "two hundred" 200, "nove e meia" half past nine.

Portuguese and English, to 999,999. Knows no figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_VALUES = {
    "um": 1, "uma": 1, "dois": 2, "duas": 2, "três": 3, "tres": 3, "quatro": 4, "cinco": 5, "seis": 6,
    "sete": 7, "oito": 8, "nove": 9, "dez": 10, "onze": 11, "doze": 12, "treze": 13, "catorze": 14,
    "quatorze": 14, "quinze": 15, "dezesseis": 16, "dezasseis": 16, "dezessete": 17, "dezassete": 17,
    "dezoito": 18, "dezenove": 19, "dezanove": 19, "vinte": 20, "trinta": 30, "quarenta": 40,
    "cinquenta": 50, "sessenta": 60, "setenta": 70, "oitenta": 80, "noventa": 90, "cem": 100, "cento": 100,
    "duzent": 200, "trezent": 300, "quatrocent": 400, "quinhent": 500, "seiscent": 600, "setecent": 700,
    "oitocent": 800, "novecent": 900,
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_FACTORS = {"hundred": 100, "thousand": 1000, "mil": 1000}
_EITHER_GENDER = ("os", "as")
_LEAST = 3  # "os dois", "one of" tell too little


def _alternatives() -> str:
    words = [word for word in _VALUES if not word.endswith("ent")]
    words[words.index("cento")] = r"(?<!por )cento"
    stems = [rf"{word}(?:{'|'.join(_EITHER_GENDER)})" for word in _VALUES if word.endswith("ent")]
    return "|".join([*words, *stems, *_FACTORS])


_WORD = re.compile(rf"\b(?:{_alternatives()})\b")
_RUN = re.compile(
    rf"(?P<past>\bhalf past )?{_WORD.pattern}(?:(?: e | and |[ -]){_WORD.pattern})*"
    r"(?P<half>(?: horas?)? e meia\b)?"
)


def spelt(text: str) -> Iterator[frozenset[str]]:
    """Each number as the forms it may be meant in: half an hour more is a time of either half of the day or
    a length."""
    for run in _RUN.finditer(text.lower()):
        words = _WORD.findall(run.group())
        numbers = list(_composed(words)) if set(words) - {*_FACTORS} else []  # "10 mil" is a figure's scale
        has_half = run.group("past") or run.group("half")
        for number in numbers[:-1] if has_half else numbers:
            if number >= _LEAST:
                yield frozenset([str(number)])
        if has_half and numbers:
            hour = numbers[-1]
            yield frozenset([f"{hour}:30", f"{hour + 12}:30", f"{hour}.5"])


def without_spelt(text: str) -> str:
    """`text` with a blank in each number's place, but for one with a capital."""
    return _RUN.sub(" ", text)


def _composed(words: Iterable[str]) -> Iterator[int]:
    """The numbers that words beside one another make: "vinte e cinco" one, "dez e trinta" two."""
    number = 0
    for word in words:
        if factor := _FACTORS.get(word):
            if number >= factor:
                yield number
                number = 0
            number = number * factor or factor
            continue
        value = _VALUES.get(word) or _VALUES[word[:-2]]
        if number and value >= _room(number):
            yield number
            number = 0
        number += value
    if number:
        yield number


def _room(number: int) -> int:
    """What may be added to a number that is spelt so far is less than this; nothing to nineteen and less."""
    if number < 20:
        return 0
    return next((room for room in (1000, 100, 10) if number % room == 0), 0)
