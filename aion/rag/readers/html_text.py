"""The tags of a page of HTML, one by one, to its text: headings, paragraphs, lists, tables, code.

What is around the text goes: scripts, menus, the heads and feet of the page. Builds no tree, so a page's
memory is that of its text; knows nothing of bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aion.rag.readers.content import one_line
from aion.rag.readers.outline import Outline
from aion.rag.readers.rows import table

_AROUND = frozenset({"script", "style", "title", "nav", "template", "noscript", "svg", "iframe"})
_HEAD_OR_FOOT = frozenset({"header", "footer"})
_ARTICLES = frozenset({"article", "main", "section"})  # their heads and feet are theirs, not the page's
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_CELLS = frozenset({"td", "th"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    ["address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl",
     "dt", "fieldset", "figcaption", "figure", "footer", "form", "head", "header", "hr", "html", "legend",
     "li", "main", "option", "p", "pre", "section", "select", "summary", "table", "tbody", "tfoot", "thead",
     "tr", *_LISTS, *_CELLS, *_HEADINGS]
)  # fmt: skip
_MAX_SPAN = 20  # columns: a page may say that a cell has a thousand
_MAX_CELL_CHARS = 1000
_MAX_DEPTH = 10  # of lists, as far as indents tell


@dataclass(slots=True)
class _Table:
    """The rows met so far. `is_layout`: it is there to place what is in it, and its cells are no cells."""

    rows: list[list[str]] = field(default_factory=list)
    is_in_cell: bool = False
    is_layout: bool = False
    _span: int = 1

    def open(self, tag: str, span: str) -> None:
        """A row or a cell begins; `span` is the number of columns as the page says it."""
        self.close()
        if tag == "tr" or not self.rows:
            self.rows.append([])
        if tag in _CELLS:
            self.rows[-1].append("")
            self.is_in_cell = True
            self._span = min(int(span[:4]), _MAX_SPAN) if span.isascii() and span.isdecimal() else 1

    def close(self) -> None:
        """A cell ends."""
        if self.is_in_cell:
            self.rows[-1] += [""] * (self._span - 1)
        self.is_in_cell = False


class HtmlText:
    """A target of lxml's HTMLParser. `names` has the words of the first <title> and the first <h1>, wherever
    that is, and `meta` what the page says of itself: the contents of <meta> by their names in lower case."""

    def __init__(self) -> None:
        self.outline = Outline()
        self.names: dict[str, str] = {}
        self.meta: dict[str, list[str]] = {}
        self._words: list[str] = []
        self._name: list[str] | None = None
        self._n_around = self._n_articles = self._n_pre = 0
        self._level = 0
        self._lists: list[int | None] = []  # of each list around: the number of the last item, None without
        self._mark = ""
        self._was_item = False
        self._tables: list[_Table] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A tag opens."""
        if tag == "meta":
            self._add_meta(attributes)
        if tag in ("h1", "title") and tag not in self.names and not (tag == "title" and self._n_around):
            self._name = []
        if self._n_around or self._is_around(tag):
            self._n_around += tag in _AROUND or tag in _HEAD_OR_FOOT
            return
        self._n_articles += tag in _ARTICLES
        if tag == "br":
            self.data("\n" if self._n_pre else "\0")
        elif tag in _BLOCKS:
            self._flush()
            self._open(tag, attributes)

    def end(self, tag: str) -> None:
        """A tag closes, or what is after it closes it."""
        if self._name is not None and tag in ("h1", "title"):
            name = one_line("".join(self._name).replace("\0", " "))
            if name:
                self.names.setdefault(tag, name)
            self._name = None
        if self._n_around:
            self._n_around -= tag in _AROUND or tag in _HEAD_OR_FOOT
            return
        self._n_articles -= tag in _ARTICLES
        if tag in _BLOCKS:
            self._flush()
            self._close(tag)

    def data(self, text: str) -> None:
        """Words; a line break is a NUL, which no text has."""
        if self._name is not None:
            self._name.append(text)
        if not self._n_around:
            self._words.append(text)

    def comment(self, text: str) -> None:
        """Comments are no text."""

    def pi(self, target: str, data: str | None = None) -> None:
        """Nor is <?php ... ?>."""

    def close(self) -> None:
        """The page ends, whatever is still open."""
        while self._tables:
            self._flush()
            self._close("table")
        self._flush()

    def _is_around(self, tag: str) -> bool:
        return tag in _AROUND or (tag in _HEAD_OR_FOOT and not self._n_articles)

    def _open(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _HEADINGS:
            self._level = _HEADINGS[tag]
        elif tag in _LISTS:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._open_item()
        elif tag == "pre":
            self._n_pre += 1
        elif tag == "table":
            self._lay_out()
            self._tables.append(_Table())
        elif self._tables and (tag == "tr" or tag in _CELLS):
            self._tables[-1].open(tag, attributes.get("colspan", "").strip())

    def _close(self, tag: str) -> None:
        if tag in _HEADINGS:
            self._level = 0
        elif tag in _LISTS and self._lists:
            self._lists.pop()
            self._mark = ""
        elif tag == "pre":
            self._n_pre = max(0, self._n_pre - 1)
        elif tag == "table" and self._tables:
            self._add_rows(self._tables.pop())
        elif tag in _CELLS and self._tables:
            self._tables[-1].close()

    def _open_item(self) -> None:
        number = self._lists[-1] if self._lists else None
        if number is None:
            self._mark = "- "
        else:
            self._lists[-1] = number + 1
            self._mark = f"{number + 1}. "

    def _flush(self) -> None:
        """The words since the last block are one, or a part of a cell."""
        whole = "".join(self._words)
        self._words.clear()
        if not whole.strip("\0 \t\r\n\f"):
            return
        around = self._tables[-1] if self._tables else None
        if around is not None and around.is_in_cell and not around.is_layout:
            cell = f"{around.rows[-1][-1]} {one_line(whole.replace(chr(0), ' '))}".lstrip()
            if len(cell) <= _MAX_CELL_CHARS and not self._level:
                around.rows[-1][-1] = cell
                return
            self._lay_out()
        self._add(whole)

    def _add(self, whole: str) -> None:
        """A block of its own."""
        if self._n_pre:
            text = whole.replace("\0", "\n").strip("\n").rstrip()
            self.outline.block(f"```\n{text}\n```")
            self._was_item = False
            return
        lines = list(filter(None, (" ".join(line.split()) for line in whole.split("\0"))))
        if self._level:
            self.outline.heading(self._level, " ".join(lines).rstrip("¶ "))  # a link to itself
        elif self._lists or self._mark:
            self._add_item(lines)
        else:
            self.outline.block("\n".join(lines))
        self._was_item = bool(self._lists or self._mark) and not self._level
        self._mark = ""

    def _add_item(self, lines: list[str]) -> None:
        """An item of a list, or what stands in it after its first paragraph."""
        indent = "  " * (min(len(self._lists), _MAX_DEPTH) - 1)
        after = indent + " " * len(self._mark or "- ")
        text = f"\n{after}".join(lines)
        self.outline.block((indent + self._mark if self._mark else after) + text, follows=self._was_item)

    def _lay_out(self) -> None:
        """The innermost table holds more than cells do: what it held comes out of it, and what follows."""
        if self._tables and not self._tables[-1].is_layout:
            self._add_rows(self._tables[-1])
            self._tables[-1].is_layout = True

    def _add_rows(self, found: _Table) -> None:
        self.outline.block("" if found.is_layout else table(found.rows))
        self._was_item = False

    def _add_meta(self, attributes: Mapping[str, str]) -> None:
        name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
        self.meta.setdefault(name.lower(), []).append(attributes.get("content") or "")
