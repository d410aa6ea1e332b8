"""Whether a text holds what somebody wants forgotten: a name, an address, a number, however it is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote

from aion.errors import InvalidRequest

MIN_CHARS = 3
_MAX_REMEMBERED = 10_000  # texts; the same passages answer many questions
_MIN_DIGITS = 6  # a text with so many is a number, of which only letters and digits count
_ACCENTS = re.compile("[\u0300-\u036f]+")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")  # soft hyphens of PDFs, spaces of no width
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u00b4`", "'"))
_BETWEEN_WORDS = r"[\s_.+*\-\u2010-\u2015]+"
_BETWEEN_DIGITS = r"[\W_]{0,3}"
_HYPHENATED = re.compile(r"(?<=\w)[-\u2010]\s*\n\s*(?=\w)")
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrt]))")


class Wanted:
    """What is looked for. Case, accents and what stands between words do not count; words are found whole, so
    that Ana is not in banana; of numbers only letters and digits count: 123.456.789-09 is 12345678909."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Raises InvalidRequest for one that would be found everywhere."""
        self._looked_for = tuple(map(_looked_for, texts))
        self._remembered = lru_cache(_MAX_REMEMBERED)(self._look)

    def __bool__(self) -> bool:
        return bool(self._looked_for)

    def is_in(self, text: str) -> bool:
        """Whether one of the texts is in this one."""
        return self._remembered(text)

    def _look(self, text: str) -> bool:
        if not self._looked_for:
            return False
        return any(
            literal in folded and pattern.search(folded)
            for folded in map(_fold, _readings(text))
            for literal, pattern in self._looked_for
        )

    def is_in_any(self, value: object) -> bool:
        """Whether one of them is in a text or number of these, at any depth, names of fields apart."""
        return any(self.is_in(text) for text in _texts(value))


def _looked_for(text: str) -> tuple[str, re.Pattern[str]]:
    """What a text must have to be worth a closer look, which takes ten times as long; and that look."""
    folded = _fold(text)
    bare = re.sub(r"[\W_]+", "", folded)
    if len(bare) < MIN_CHARS:
        raise InvalidRequest(
            f"{text!r} is too short to be looked for; give {MIN_CHARS} characters or more.", param="text"
        )
    if sum(character.isdigit() for character in bare) >= _MIN_DIGITS:
        return bare[0], re.compile(_BETWEEN_DIGITS.join(map(re.escape, bare)))
    words = [word for word in re.split(_BETWEEN_WORDS, folded) if word]
    whole = _BETWEEN_WORDS.join(map(re.escape, words))
    return max(words, key=len), re.compile(rf"(?<![^\W_]){whole}(?![^\W_])")


def _readings(text: str) -> Iterator[str]:
    """A text as it stands, and as it reads where a line ends in a hyphen, an address or JSON is quoted."""
    yield text
    if _HYPHENATED.search(text):
        yield _HYPHENATED.sub("", text)
    if "%" in text:
        yield unquote(text)
    if "\\" in text:
        yield _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", text)


def _fold(text: str) -> str:
    """Lower case without accents and what is not seen, one space between words."""
    if not text.isascii():
        text = _UNSEEN.sub("", text).translate(_APOSTROPHES)
        text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return " ".join(text.casefold().split())


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case int() | float():
            yield str(value)
        case Mapping():
            for item in value.values():
                yield from _texts(item)
        case list() | tuple():
            for item in value:
                yield from _texts(item)
