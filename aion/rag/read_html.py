"""HTML to sections: what is around the text goes, the rest becomes Markdown and is read as such."""

from __future__ import annotations

import warnings

from bs4 import BeautifulSoup
from markdownify import MarkdownConverter

from aion.rag.read_markdown import read_markdown
from aion.types import Section

_AROUND = ("script", "style", "nav", "header", "footer", "template", "noscript", "svg", "iframe")
MAX_TITLE_CHARS = 300


def read_html(text: str) -> tuple[str | None, tuple[Section, ...]]:
    """The title (first h1, else <title>) and the sections in order.

    Lines of sections are lines of the Markdown, not of the HTML. Raises RecursionError on tags
    nested some hundred levels deep.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bs4 wonders whether a short text is an address or a path
        soup = BeautifulSoup(text, "html.parser")
    title = _title(soup)
    for tag in soup.find_all(["head", *_AROUND]):
        tag.decompose()
    markdown = MarkdownConverter(
        heading_style="ATX", bullets="-", strip=["a", "img"], escape_asterisks=False, escape_underscores=False
    ).convert_soup(soup)
    _, sections = read_markdown(markdown)
    return title, sections


def _title(soup: BeautifulSoup) -> str | None:
    for name in ("h1", "title"):
        tag = soup.find(name)
        title = " ".join(tag.get_text(" ").split()) if tag else ""
        if title:
            return title[:MAX_TITLE_CHARS]
    return None
