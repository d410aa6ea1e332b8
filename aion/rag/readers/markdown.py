"""Markdown to sections: ATX and setext headings, fences, front matter. Leaves inline marks in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aion.rag.readers.content import Content, day_of, split_tags
from aion.rag.readers.encoding import text_of
from aion.types import Section

MAX_HEADING_CHARS = 300  # a longer "heading" is a paragraph that begins with #

_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")
_NOT_A_PARAGRAPH = re.compile(r" {4}|\t|\s*(?:[-*+>|#]|\d+[.)]\s)")
_FRONT_MATTER = re.compile(
    r"---[ \t]*\n(?=[\w-]+[ \t]*:)(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_FRONT_FIELD = re.compile(r"^([\w-]+)[ \t]*:[ \t]*(.*(?:\n[ \t]*-[ \t].*)*)", re.MULTILINE)
_ITEM = re.compile(r"^[ \t]*-[ \t]", re.MULTILINE)
_MARKS = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)")


def read(data: bytes, name: str) -> Content:
    """A Markdown file. Raises DocumentError when it is no text."""
    return read_markdown(text_of(data, name))


def read_markdown(text: str) -> Content:
    """Title (front matter, else the first level-1 heading), sections, and the front matter's date and tags.

    A section's text keeps its lines as they are, blank ones at its ends apart. A heading with neither
    text nor deeper headings below it is a section with empty text: its words are all there is.
    """
    lines = text.split("\n")
    front, start = _front_matter(text)
    outline = _Outline(start)
    fence = ""
    for index in range(start, len(lines)):
        outside = not fence
        fence = _next_fence(fence, lines[index])
        heading = _heading(lines, index, start) if outside and not fence else None
        if heading is not None:
            outline.open(heading, index)
    outline.close(lines)
    return Content(
        title=front.get("title", "")[:MAX_HEADING_CHARS] or outline.title,
        sections=tuple(outline.sections),
        date=day_of(front.get("date")),
        tags=_tags(front.get("tags") or front.get("keywords") or ""),
    )


@dataclass(frozen=True, slots=True)
class _Heading:
    level: int
    text: str
    n_lines: int


class _Outline:
    """Where each heading's text begins and ends, as headings are met from top to bottom."""

    def __init__(self, start: int) -> None:
        self.sections: list[Section] = []
        self._found = [(_Heading(0, "", 0), start)]  # what stands above the first heading

    @property
    def title(self) -> str | None:
        return next((heading.text for heading, _ in self._found if heading.level == 1), None)

    def open(self, heading: _Heading, index: int) -> None:
        self._found.append((heading, index))

    def close(self, lines: list[str]) -> None:
        """Cut `lines` into sections."""
        path: list[_Heading] = []
        ends = [*self._found[1:], (_Heading(0, "", 0), len(lines))]
        for (heading, index), (following, end) in zip(self._found, ends, strict=True):
            path = [above for above in path if above.level < heading.level]
            path += [heading] if heading.level else []
            names = tuple(above.text for above in path)
            section = section_of(lines, names, index + heading.n_lines, end)
            if section is not None:
                self.sections.append(section)
            elif following.level <= heading.level > 0:
                self.sections.append(Section(names, "", index + 1))


def section_of(lines: list[str], headings: tuple[str, ...], start: int, end: int) -> Section | None:
    """The section of `lines[start:end]` without the blank lines at its ends; None when all are blank."""
    while start < end and not lines[start].strip():
        start += 1
    text = "\n".join(lines[start:end]).rstrip()
    return Section(headings, text, start + 1) if text else None


def _front_matter(text: str) -> tuple[dict[str, str], int]:
    """The fields of the front matter, a list's items by lines, and how many lines the front matter takes."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, 0
    found = _FRONT_FIELD.findall(match.group(1))
    fields = {name.lower(): _unquoted(value) for name, value in reversed(found)}  # the first of a name counts
    return fields, match.group().count("\n")


def _tags(field: str) -> tuple[str, ...]:
    """Those of `[a, b]`, of `a, b` and of a list with a dash each."""
    listed = _ITEM.sub("", field).strip().removeprefix("[").removesuffix("]")
    return tuple(_unquoted(tag) for tag in split_tags(listed))


def _unquoted(value: str) -> str:
    return value.strip().strip("'\"").strip()


def _next_fence(fence: str, line: str) -> str:
    """The fence that is open after `line`: "" outside of code."""
    match = _FENCE.match(line)
    if match is None:
        return fence
    mark, info = match.groups()
    if not fence:
        return "" if mark[0] in info else mark
    return "" if mark.startswith(fence) and not info.strip() else fence


def _heading(lines: list[str], index: int, start: int) -> _Heading | None:
    """The heading that begins on this line."""
    atx = _ATX.match(lines[index])
    if atx is not None:
        heading = _Heading(len(atx.group(1)), _plain(atx.group(2)), 1)
    elif _is_setext(lines, index, start):
        heading = _Heading(1 if "=" in lines[index + 1] else 2, _plain(lines[index]), 2)
    else:
        return None
    return heading if 0 < len(heading.text) <= MAX_HEADING_CHARS else None


def _is_setext(lines: list[str], index: int, start: int) -> bool:
    """A one-line paragraph underlined by = or -; under a longer paragraph --- is a rule here."""
    if index + 1 == len(lines) or not _UNDERLINE.match(lines[index + 1]):
        return False
    alone = index == start or not lines[index - 1].strip() or _ATX.match(lines[index - 1]) is not None
    return alone and bool(lines[index].strip()) and not _NOT_A_PARAGRAPH.match(lines[index])


def _plain(heading: str) -> str:
    return " ".join(_MARKS.sub("", heading).split())
