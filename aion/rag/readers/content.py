"""What a reader finds in a file, and the form in which it crosses from the child process: plain JSON."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from aion.types import Section

MAX_TITLE_CHARS = 300
MAX_TAGS = 50
MAX_TAG_CHARS = 100

# Control characters (tab and line feed apart) and halves of surrogate pairs, which are no text
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")
_DAY = re.compile(r"(?:D:)?([12]\d{3})([-/.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!-)")


@dataclass(frozen=True, slots=True)
class Content:
    """A document's own words: its title (None: it has none), its sections in order, the day it says it was
    last changed or made (ISO 8601, YYYY-MM-DD) and the tags it bears. `note` is a sentence about what of it
    could not be read, "" when all was."""

    title: str | None
    sections: tuple[Section, ...]
    date: str | None = None
    tags: tuple[str, ...] = ()
    note: str = ""


def cleaned(content: Content) -> Content:
    """The same in one Unicode form (NFC), without what is no text; the title in one line, tags once each."""
    return Content(
        title=one_line(content.title or "")[:MAX_TITLE_CHARS] or None,
        sections=tuple(
            Section(tuple(map(one_line, part.headings)), clean(part.text), part.line, part.page)
            for part in content.sections
        ),
        date=content.date,
        tags=tags_of(content.tags),
        note=one_line(content.note),
    )


def clean(text: str) -> str:
    return unicodedata.normalize("NFC", _NO_TEXT.sub("", text))


def one_line(text: str) -> str:
    return " ".join(clean(text).split())


def tags_of(found: Iterable[str]) -> tuple[str, ...]:
    """Tags in one line each, none twice, in the order they came."""
    tags = (one_line(tag)[:MAX_TAG_CHARS] for tag in found)
    return tuple(dict.fromkeys(tag for tag in tags if tag))[:MAX_TAGS]


def split_tags(text: str) -> tuple[str, ...]:
    """The tags of a field in which they stand between commas or semicolons."""
    return tags_of(re.split(r"[,;\n]", text))


def day_of(text: str | None) -> str | None:
    """The day that an ISO 8601 or PDF date (`D:20240131...`) begins with, as YYYY-MM-DD."""
    match = _DAY.match(text.strip()) if text else None
    day = "-".join(match.group(1, 3, 4)) if match else ""
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        return None


def to_json(content: Content) -> bytes:
    """`content` as it crosses the pipe."""
    sections = [[part.headings, part.text, part.line, part.page] for part in content.sections]
    whole = {
        "title": content.title,
        "sections": sections,
        "date": content.date,
        "tags": content.tags,
        "note": content.note,
    }
    return json.dumps(whole).encode()


def from_json(whole: dict[str, object]) -> Content:
    """The content in an answer of the child process, every field checked. Raises ValueError."""
    sections = whole.get("sections")
    if not isinstance(sections, list):
        raise ValueError("no sections")
    return Content(
        title=_optional_text(whole.get("title")),
        sections=tuple(map(_section, sections)),
        date=day_of(_optional_text(whole.get("date"))),
        tags=_texts(whole.get("tags")),
        note=_optional_text(whole.get("note")) or "",
    )


def _section(fields: object) -> Section:
    match fields:
        case [headings, str(text), int(line), int() | None as page]:
            return Section(_texts(headings), text, line, page)
    raise ValueError("no section")


def _texts(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ValueError("no list of texts")
    return tuple(found)


def _optional_text(found: object) -> str | None:
    if found is not None and not isinstance(found, str):
        raise ValueError("no text")
    return found
