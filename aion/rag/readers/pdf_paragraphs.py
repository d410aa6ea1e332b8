"""Lines of a PDF to paragraphs and headings: what belongs together, what stands out by its size."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from aion.rag.readers.pdf_lines import HYPHEN, Line

_BULLET = re.compile(r"[•‣▪●○◦·►➢✓\uf0b7\uf0a7\uf0d8–—-]\s+(?=\S)")
_ITEM = re.compile(r"(?:[•‣▪●○◦·►➢✓\uf0b7\uf0a7\uf0d8–—-]|\(?\w{1,3}[.)])\s+\S")
_END = re.compile(r"[.!?:;…][\"'”’»)\]]*$")
_SENTENCE = re.compile(r"[.!?…][\"'”’»)\]]*(?=\s|$)")
_BROKEN = re.compile(rf"(\w+)(?:{HYPHEN}|\xad)-?(\w+)")
_CLITIC = re.compile(r"-\w")
_LEADERS = re.compile(r"(?:\s?\.){4,}\s?")  # the dots of a table of contents
_WORD = re.compile(r"\w+(?:-\w+)*")
_HEADING_RATIO = 1.12
_MAX_HEADING_CHARS = 150
_MAX_HEADING_SHARE = 0.3  # of all characters: with more, large letters are no headings
_GAP_RATIO = 1.35
_SHORT_SHARE = 0.8  # a line shorter than this part of its column ended on purpose
_MAX_LEVELS = 6


@dataclass(slots=True)
class Paragraph:
    """A paragraph on a page; `level` 1 to 6 is a heading's, None one of text."""

    page: int
    text: str
    size: float
    level: int | None = None


def paragraphs(pages: list[list[Line]]) -> list[Paragraph]:
    """The paragraphs of all pages in order, headings told by their size, words broken at lines whole again.

    A sentence that goes on over a page's end is on the page it begins on.
    """
    found = [
        Paragraph(number, _joined(group), group[0].size)
        for number, page in enumerate(pages, 1)
        for group in _groups(page)
    ]
    words = Counter(word.lower() for part in found for word in _WORD.findall(part.text))
    for part in found:
        part.text = _mended(part.text, words)
    _mark_headings(found)
    return _across_pages(found)


def _groups(page: list[Line]) -> Iterator[list[Line]]:
    """The lines of each paragraph of a page."""
    gap = _usual_gap(page)
    group: list[Line] = []
    for line in page:
        if group and _is_new(group, line, gap):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _is_new(group: list[Line], line: Line, gap: float) -> bool:
    """Whether `line` begins a paragraph after `group`."""
    last = group[-1]
    drop = last.bottom - line.top
    if abs(drop) < 0.5 * last.size:  # the same line, cut
        return False
    if max(line.size, last.size) > _HEADING_RATIO * min(line.size, last.size):
        return True
    if drop < 0:  # another column
        return bool(_END.search(last.text)) or not line.text[0].islower()
    return drop > gap * _GAP_RATIO or _ITEM.match(line.text) is not None


def _usual_gap(page: list[Line]) -> float:
    """The distance of most lines to the next, in points."""
    drops = Counter(
        round(one.bottom - two.top) for one, two in pairwise(page) if 0 < one.bottom - two.top < 4 * one.size
    )
    return float(max(drops, key=lambda drop: (drops[drop], -drop))) if drops else 14.0


def _joined(group: list[Line]) -> str:
    """A paragraph's words; a line that ends early, with a new beginning after it, stays a line."""
    width = max(line.right for line in group) - min(line.left for line in group)
    text = _BULLET.sub("- ", group[0].text, count=1) if _BULLET.match(group[0].text) else group[0].text
    for last, line in pairwise(group):
        is_row = abs(last.bottom - line.top) < 0.5 * last.size
        is_short = last.right - min(part.left for part in group) < _SHORT_SHARE * width
        if text.endswith("-") and line.text[0].islower():
            text = text[:-1] + HYPHEN + line.text
        elif text.endswith("-") and _CLITIC.match(line.text):
            text = text[:-1] + line.text
        elif is_short and not is_row and not line.text[0].islower():
            text += "\n" + line.text
        else:
            text += " " + line.text
    return _LEADERS.sub(" … ", text)


def _mended(text: str, words: Counter[str]) -> str:
    """`text` with words broken at line ends in one: with a hyphen where they have one elsewhere or have
    a second one after the break (`disse-` `-lhe`), without one otherwise."""

    def whole(match: re.Match[str]) -> str:
        left, right = match.groups()
        hyphened = f"{left}-{right}"
        is_compound = (
            match.group().endswith("-" + right) or words[hyphened.lower()] > words[f"{left}{right}".lower()]
        )
        return hyphened if is_compound else left + right

    return _BROKEN.sub(whole, text).replace(HYPHEN, "-")


def _mark_headings(found: list[Paragraph]) -> None:
    """Give levels to paragraphs in letters larger than those of the text, the largest being level 1."""
    sizes = _weighed(found)
    if not sizes:
        return
    body = max(sizes, key=lambda size: sizes[size])
    larger = [part for part in found if part.size >= _HEADING_RATIO * body and _may_head(part.text)]
    if sum(len(part.text) for part in larger) > _MAX_HEADING_SHARE * sizes.total():
        return
    ranks = sorted({part.size for part in larger}, reverse=True)
    for part in larger:
        part.level = min(ranks.index(part.size) + 1, _MAX_LEVELS)
        part.text = " ".join(part.text.split())


def _weighed(found: Iterable[Paragraph]) -> Counter[float]:
    """How many characters there are of each size."""
    sizes: Counter[float] = Counter()
    for part in found:
        sizes[part.size] += len(part.text)
    return sizes


def _may_head(text: str) -> bool:
    is_short = len(text) <= _MAX_HEADING_CHARS and " … " not in text
    return is_short and any(map(str.isalpha, text)) and not text.endswith((".", ",", ";"))


def _across_pages(found: list[Paragraph]) -> list[Paragraph]:
    kept: list[Paragraph] = []
    for part in found:
        last = kept[-1] if kept else None
        goes_on = last is not None and part.page == last.page + 1 and _goes_on(last, part)
        if last is None or not goes_on:
            kept.append(part)
            continue
        end = _SENTENCE.search(part.text)
        cut = end.end() if end else len(part.text)
        last.text += " " + part.text[:cut]
        part.text = part.text[cut:].lstrip()
        if part.text:
            kept.append(part)
    return kept


def _goes_on(last: Paragraph, part: Paragraph) -> bool:
    is_text = last.level is None and part.level is None and last.size == part.size
    return is_text and not _END.search(last.text) and part.text[:1].islower()
