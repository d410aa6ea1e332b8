"""Plain text to sections: a short first line is the title, short lines standing out are headings."""

from __future__ import annotations

from aion.rag.readers.content import Content
from aion.rag.readers.encoding import text_of
from aion.rag.readers.markdown import section_of
from aion.types import Section

MAX_TITLE_CHARS = 100
MAX_HEADING_CHARS = 60


def read(data: bytes, name: str) -> Content:
    """A text file. Raises DocumentError when it is no text."""
    return read_text(text_of(data, name))


def read_text(text: str) -> Content:
    """The title, when the first line looks like one, and the sections in order.

    A heading follows a blank line and is either in capitals, or ends with a colon and has a blank
    line after it too. Headings have no levels here. The title's line belongs to no section.
    """
    lines = text.split("\n")
    first = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
    title = _title(lines, first)
    start = first if title is None else first + 1
    found = [("", start, start)]
    found += [(_plain(lines[n]), n, n + 1) for n in range(start, len(lines)) if _is_heading(lines, n)]
    ends = [n for _, n, _ in found[1:]] + [len(lines)]
    cut = (_section(lines, *heading, end) for heading, end in zip(found, ends, strict=True))
    sections = tuple(section for section in cut if section is not None)
    return Content(title, sections or ((Section((), "", first + 1),) if title else ()))


def _title(lines: list[str], first: int) -> str | None:
    if first == len(lines):
        return None
    line = lines[first].strip()
    if len(line) > MAX_TITLE_CHARS or line.endswith((".", "!", "?", ";", ",")):
        return None
    return _plain(line)


def _is_heading(lines: list[str], n: int) -> bool:
    line = lines[n].strip()
    if not line or len(line) > MAX_HEADING_CHARS or (n > 0 and lines[n - 1].strip()):
        return False
    alone = n + 1 == len(lines) or not lines[n + 1].strip()
    return (line.endswith(":") and alone) or (line.isupper() and sum(map(str.isalpha, line)) > 2)


def _section(lines: list[str], heading: str, first: int, after: int, end: int) -> Section | None:
    headings = (heading,) if heading else ()
    section = section_of(lines, headings, after, end)
    return Section(headings, "", first + 1) if section is None and heading else section


def _plain(line: str) -> str:
    return " ".join(line.split()).rstrip(":")
