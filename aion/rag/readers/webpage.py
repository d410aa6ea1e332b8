"""A page of the web to sections: trafilatura finds the main text, what is around it goes.

Runs in the child process of sandbox.py. The page comes as UTF-8, decoded by who fetched it.
"""

from __future__ import annotations

from dataclasses import replace

import trafilatura

from aion.errors import DocumentError
from aion.rag.readers.content import Content, day_of
from aion.rag.readers.html import read_html
from aion.rag.readers.markdown import read_markdown

_SHORT_CHARS = 250  # less than this trafilatura finds where it is unsure; then all that is no menu is taken
_MOST_CHARS = 3_000_000  # trafilatura's time grows faster than the page
_MAX_CELLS = 100
# What the page says of its date, not what looks like one in its text.
_DATES = {"extensive_search": False, "original_date": False}


def read(data: bytes, name: str) -> Content:
    """The main text of a page in UTF-8; `name` is its URL, which may tell its date. Raises DocumentError."""
    text = data.decode("utf-8", "replace")
    main = _main_text(text, name) if len(text) <= _MOST_CHARS else Content(None, ())
    if _n_chars(main) < _SHORT_CHARS:
        main = _with_all(main, text)
    if not any(part.text for part in main.sections):
        raise DocumentError(
            f"{name} has no text of its own; where JavaScript makes a page, AION sees only its frame."
        )
    return main


def _main_text(text: str, url: str) -> Content:
    found = trafilatura.extract_with_metadata(
        text,
        url=url,
        output_format="markdown",
        include_comments=False,
        include_tables=True,
        include_formatting=True,
        favor_recall=True,
        date_extraction_params=_DATES,
    )
    if found is None:
        return Content(None, ())
    outline = read_markdown("\n".join(map(_narrow, (found.text or "").split("\n"))))
    return replace(outline, title=found.title or outline.title, date=day_of(found.date), tags=())


def _with_all(main: Content, text: str) -> Content:
    """All that is no menu where that is much more than the main text, which keeps its title and date."""
    whole = read_html(text)
    if _n_chars(whole) <= 2 * _n_chars(main):
        return main
    return replace(whole, title=main.title or whole.title, date=main.date or whole.date, tags=())


def _n_chars(content: Content) -> int:
    """Letters and digits, so that the bars of an empty table do not count."""
    return sum(map(str.isalnum, "".join(part.text for part in content.sections)))


def _narrow(line: str) -> str:
    """A row of a table without its empty cells where it has more cells than any table: a wrong colspan."""
    if not line.startswith("|") or line.count("|") <= _MAX_CELLS:
        return line
    return "| " + " | ".join(cell.strip() for cell in line.split("|") if cell.strip(" -")) + " |"
