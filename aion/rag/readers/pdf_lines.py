"""The lines of a PDF's pages: their words, places and sizes, without the heads and feet that run through."""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

import pypdfium2
from pypdfium2 import raw

HYPHEN = "\ufffe"  # PDFium's mark for a hyphen at a line's end, after which it goes on with the next line
_EDGE_LINES = 3
_MIN_PAGES = 3
_MARGIN_SHARE = 0.15  # of the height, above and below
_REPEATED_SHARE = 0.4  # left and right pages may have different heads
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"\W*(?:(?:page|página|pág\.?|p\.)\s*)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:of|de|/)\s*\d{1,4})?\W*",
    re.IGNORECASE,
)
_DISORDER_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text: `top` and `bottom` are baselines in points from the page's bottom, the same for
    most lines (PDFium joins lines hyphenated at their ends). In the page's margin or not."""

    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float
    in_margin: bool = False


def lines_of(page: pypdfium2.PdfPage) -> list[Line]:
    """The lines of a page in the order of the file, or from top to bottom where that is no order."""
    words = page.get_textpage()
    text = words.get_text_range()
    found, start = [], 0
    for line in text.split("\n"):
        shown = line.strip()
        if shown:
            first = start + line.index(shown)
            found.append(_line(words, shown, first, first + len(shown) - 1))
        start += len(line) + 1
    words.close()
    height = page.get_height()
    low, high = _MARGIN_SHARE * height, (1 - _MARGIN_SHARE) * height
    return _ordered([replace(line, in_margin=not low < line.top < high) for line in found])


def without_running(pages: list[list[Line]]) -> list[list[Line]]:
    """The pages without the lines in their upper and lower margins that most of them have, numbers apart.

    A page keeps its lines when it has no others, but for a page's number.
    """
    pages = [[line for line in page if not _is_number(line)] for page in pages]
    if len(pages) < _MIN_PAGES:
        return pages
    counted = Counter(key for page in pages for key in {_key(line) for line in _edges(page)})
    least = max(_MIN_PAGES, math.ceil(_REPEATED_SHARE * len(pages)))
    running = {key for key, count in counted.items() if count >= least}
    return [_without(page, running) for page in pages]


def _without(page: list[Line], running: set[str]) -> list[Line]:
    dropped = {id(line) for line in _edges(page) if _key(line) in running}
    return [line for line in page if id(line) not in dropped] or page


def _is_number(line: Line) -> bool:
    return line.in_margin and _PAGE_NUMBER.fullmatch(line.text) is not None


def _edges(page: list[Line]) -> list[Line]:
    by_height = sorted(page, key=lambda line: -line.top)
    edges = [*by_height[:_EDGE_LINES], *by_height[_EDGE_LINES:][-_EDGE_LINES:]]
    return [line for line in edges if line.in_margin]


def _key(line: Line) -> str:
    return _DIGITS.sub("#", " ".join(line.text.lower().split()))


def _ordered(found: list[Line]) -> list[Line]:
    """The lines as they are, unless many stand above the one before them in the same column."""
    n_back = sum(_overlap(one, two) and two.top > one.bottom + one.size for one, two in pairwise(found))
    if n_back <= max(2, _DISORDER_SHARE * len(found)):
        return found
    gutter = _gutter(found)
    return sorted(found, key=lambda line: (line.left >= gutter, -round(line.top), line.left))


def _gutter(found: list[Line]) -> float:
    """Where the second of two columns begins; beyond the page when there is one column."""
    middle = (min(line.left for line in found) + max(line.right for line in found)) / 2
    right = [line.left for line in found if line.left >= middle]
    crossing = sum(line.left < middle < line.right for line in found)
    return min(right) if len(right) > len(found) / 4 and crossing < len(found) / 10 else math.inf


def _overlap(one: Line, two: Line) -> bool:
    return one.left < two.right and two.left < one.right


def _line(words: pypdfium2.PdfTextPage, text: str, first: int, last: int) -> Line:
    """The line whose characters are `first` to `last` of the page's text."""
    start, middle, end = (
        max(0, raw.FPDFText_GetCharIndexFromTextIndex(words, index))
        for index in (first, (first + last) // 2, last)
    )
    left, top = _place(words, start)
    _, bottom = _place(words, end)
    right = _right_edge(words, end)
    return replace(Line(text, left, right, top, bottom, _size(words, middle)), right=max(left, right))


def _place(words: pypdfium2.PdfTextPage, index: int) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(words, index, x, y)
    return _finite(x.value), _finite(y.value)


def _right_edge(words: pypdfium2.PdfTextPage, index: int) -> float:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(words, index, left, right, bottom, top)
    return _finite(right.value)


def _size(words: pypdfium2.PdfTextPage, index: int) -> float:
    """The size of a letter on the page, in half points: the font's, stretched by the text's matrix."""
    matrix = raw.FS_MATRIX()
    stretch = 1.0
    if raw.FPDFText_GetMatrix(words, index, matrix):
        stretch = math.hypot(matrix.c, matrix.d)
    size = _finite(raw.FPDFText_GetFontSize(words, index) * stretch)
    return round(2 * min(abs(size), 1000.0)) / 2


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
