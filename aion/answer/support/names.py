"""Names in a sentence, told by their capitals. Portuguese and English; knows no list of names."""

from __future__ import annotations

import re

from aion.rag.stem import is_stop_word

_WORD = re.compile(r"[^\W\d_][^\W_]*(?:[-'’.&][^\W_]+)*")
_BEGINS = re.compile(r"(?:^|[.!?:…;]|[\"“«‘(/|–—])\s*\Z")
_ROMAN = re.compile(r"[IVXLC]+\Z")
_MAX_ACRONYM_CHARS = 5
_UNITS = frozenset(("AM", "PM", "EUR", "USD", "BRL", "GBP", "KM"))  # of numbers, which are judged as such
_MAX_SHARE = 0.6  # of capitals, above which what ends without a full stop is a title and tells nothing


def names_told(sentence: str) -> list[str]:
    """The words with a capital inside a sentence, or all in capitals and short. The first word of a sentence,
    of a quotation and of what stands in brackets has one anyway, and a title is full of them."""
    words = list(_WORD.finditer(sentence))
    inner = [word for word in words if not _BEGINS.search(sentence[: word.start()])]
    capital = [word.group() for word in inner if word.group()[0].isupper()]
    if len(inner) > 1 and len(capital) > _MAX_SHARE * len(inner) and not sentence.rstrip().endswith("."):
        return []
    return [_bare(name) for name in capital if _is_name(name)]


def _is_name(word: str) -> bool:
    if len(word) < 2 or is_stop_word(word.lower()) or _ROMAN.fullmatch(word) or word in _UNITS:
        return False
    return not word.isupper() or len(word) <= _MAX_ACRONYM_CHARS


def _bare(word: str) -> str:
    return re.sub(r"['’]s\Z", "", word)
