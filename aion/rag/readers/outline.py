"""Sections built from top to bottom, as a reader meets headings and blocks of text."""

from __future__ import annotations

from aion.rag.readers.content import one_line
from aion.rag.readers.markdown import MAX_HEADING_CHARS
from aion.types import Section


class Outline:
    """Collects a document's headings and blocks. Lines are those of the text as it is collected."""

    def __init__(self) -> None:
        self.first_heading: str | None = None
        self._sections: list[Section] = []
        self._path: list[tuple[int, str]] = []
        self._blocks: list[str] = []
        self._start, self._line = 1, 1
        self._page: int | None = None
        self._is_new = False  # a heading was met, and nothing since

    def heading(self, level: int, text: str) -> None:
        """A heading of `level` 1 or more; one too long for a heading is a paragraph."""
        name = one_line(text)
        if not name or len(name) > MAX_HEADING_CHARS:
            self.block(text)
            return
        self._close(next_level=level)
        self.first_heading = self.first_heading or name
        self._path = [above for above in self._path if above[0] < level]
        self._path.append((level, name))
        self._is_new = True
        self._line += 1

    def block(self, text: str, *, follows: bool = False) -> None:
        """A paragraph; one that `follows` (an item of a list) has no blank line before it."""
        text = text.strip("\n").rstrip()
        if not text.strip():
            return
        if not self._blocks:
            self._start = self._line
        elif not follows:
            self._blocks.append("")
            self._line += 1
        self._blocks.append(text)
        self._line += text.count("\n") + 1

    def page(self, number: int) -> None:
        """What comes now is on this page; it is in sections of its own, under the headings there are."""
        is_new = self._is_new and not self._blocks
        if not is_new:
            self._close(next_level=None)
        self._page, self._line = number, 1

    def sections(self) -> tuple[Section, ...]:
        """All sections in order; nothing may be added afterwards."""
        self._close(next_level=1)
        return tuple(self._sections)

    def _close(self, next_level: int | None) -> None:
        """End the section. A heading with neither text nor deeper headings below it is one too."""
        headings = tuple(name for _, name in self._path)
        if self._blocks:
            self._sections.append(Section(headings, "\n".join(self._blocks), self._start, self._page))
        elif self._is_new and next_level is not None and next_level <= self._path[-1][0]:
            self._sections.append(Section(headings, "", max(1, self._line - 1), self._page))
        self._blocks = []
        self._is_new = False
