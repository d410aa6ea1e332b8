"""HTML to sections: the bytes decoded, the text taken from its tags, title, date and tags from its head."""

from __future__ import annotations

import re

from lxml import etree

from aion.rag.readers.content import MAX_TITLE_CHARS, Content, day_of, split_tags, tags_of
from aion.rag.readers.encoding import text_of
from aion.rag.readers.html_text import HtmlText

_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_HEAD_BYTES = 4096
_PART_CHARS = 65536
_DATES = (
    "article:modified_time",
    "article:published_time",
    "last-modified",
    "dcterms.modified",
    "dc.date",
    "dcterms.date",
    "date",
    "datepublished",
)
_TAGS = ("keywords", "article:tag", "news_keywords")


def read(data: bytes, name: str) -> Content:
    """An HTML file. Raises DocumentError when it is no text."""
    charset = _CHARSET.search(data[:_HEAD_BYTES])
    return read_html(text_of(data, name, charset.group(1).decode("ascii", "replace") if charset else ""))


def read_html(text: str) -> Content:
    """The title (first h1, else <title>), the sections in order, the date and tags of the page's <meta>.

    Lines of sections are lines of their texts, not of the HTML.
    """
    page = _parsed(text)
    title = page.names.get("h1") or page.names.get("title") or ""
    dates = (day_of(value) for name in _DATES for value in page.meta.get(name, ()))
    return Content(
        title=title[:MAX_TITLE_CHARS] or None,
        sections=page.outline.sections(),
        date=next(filter(None, dates), None),
        tags=tags_of(tag for name in _TAGS for value in page.meta.get(name, ()) for tag in split_tags(value)),
    )


def _parsed(text: str) -> HtmlText:
    page = HtmlText()
    parser = etree.HTMLParser(target=page, encoding="utf-8", recover=True, no_network=True, huge_tree=True)
    clean = text.replace("\0", "")
    try:
        for start in range(0, len(clean), _PART_CHARS):
            parser.feed(clean[start : start + _PART_CHARS].encode("utf-8", "replace"))
        parser.close()
    except (etree.XMLSyntaxError, AssertionError):  # there is nothing in it, or nothing more
        page.close()
    return page
