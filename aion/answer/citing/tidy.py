"""Puts an answer together from text and verified citations, so that a dropped one leaves no trace.

Blanks around it, an empty pair of parentheses or emphasis and the comma of a list go with it. Knows what is
text, code or a citation only because it is told; says where the citations stand in what it wrote.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_CLOSES = ".,;:!?…)]}»”"  # no blank before these
_PAIRS = {")": "(", "*": "*", "_": "_"}  # what a dropped citation may have stood in, by its end
_MAX_OPEN = 8  # of these at once
_MAY_SEPARATE = re.compile(r"[ \t]*(?:[,;&/][ \t]*(?:e|an?|and)?|e|an?|and)?[ \t]*")
_SEPARATES = re.compile(r"[ \t]*(?:[,;&/][ \t]*(?:e|and)?|e|and)?[ \t]*")


class TidyText:
    """Invariant: `shown` is all that was returned so far, and `places` the (n, start, end) in it of the
    citations, in order. What may have to go with a citation yet to come is not returned before that is known.
    """

    def __init__(self) -> None:
        self.shown = ""
        self.places: list[tuple[int, int, int]] = []
        self._before = ""  # blanks and what may be an opening pair, not shown yet
        self._is_gap = False  # a citation was dropped after `_before`
        self._blank_after = False  # and blanks came after it
        self._separator: str | None = None  # after a citation: what may stand between it and the next
        self._has_kept = False  # one of those before, with only separators between, was not dropped
        self._had_line = False  # a dropped one stood on a line of its own, in `_before`

    def text(self, character: str) -> str:
        """One character of prose; what can be shown."""
        if self._separator is not None:
            if _MAY_SEPARATE.fullmatch(self._separator + character):
                self._separator += character
                return ""
            return self._release() + self._plain(character)
        return self._plain(character)

    def code(self, text: str) -> str:
        """A piece in which nothing is tidied."""
        return self._release() + self._show(self._gap_closed(text[:1]) + text)

    def mark(self, numbers: Sequence[int]) -> str:
        """A citation of these passages, which exist; none: it is dropped."""
        out = ""
        separator = self._separator
        if separator is not None and not _SEPARATES.fullmatch(separator):
            out, separator = self._release(), None
        self._separator = ""
        if not numbers:
            self._drop(separator)
            return out
        gap = self._gap_closed("[")
        out += self._show(separator if separator is not None and self._has_kept else gap)
        self._has_kept = True
        return out + "".join(map(self._cited, numbers))

    def finish(self) -> str:
        """What waited; white space at the end is dropped."""
        out = self._release()
        before, self._before, self._is_gap = self._before.rstrip(), "", False
        return out + self._show(before)

    def _drop(self, separator: str | None) -> None:
        if separator is None:
            self._has_kept = False
        else:
            self._blank_after |= separator != separator.strip()
        self._is_gap = True

    def _release(self) -> str:
        """What waited as a separator was text."""
        separator, self._separator = self._separator or "", None
        return "".join(map(self._plain, separator))

    def _plain(self, character: str) -> str:
        if character.isspace():
            self._blank(character)
            return ""
        opening = _PAIRS.get(character, "")
        if self._is_gap and opening and self._before.endswith(opening):
            self._before = self._before[:-1]
            return ""
        if self._is_gap and character in "*_" and not self._blank_after:  # "**45 € [9]**"
            self._before = self._before.rstrip(" \t")
        out = self._gap_closed(character)
        if character not in _PAIRS.values():
            return self._show(out + character)
        if (
            not out.strip("(*_ \t\n") and len(out.strip()) < _MAX_OPEN
        ):  # blanks go with a pair that turns out empty
            self._before = out + character
            return ""
        self._before = character
        return self._show(out)

    def _blank(self, character: str) -> None:
        if not self._is_gap:
            is_needless = self._had_line and character == "\n" and self._before.endswith("\n\n")
            self._before += "" if is_needless else character
        elif character != "\n":
            self._blank_after = True
        else:
            before = self._before.rstrip(" \t")
            self._had_line = before.endswith("\n") or not (self.shown or before)
            self._before = before if self._had_line else f"{before}\n"
            self._is_gap = self._blank_after = False

    def _gap_closed(self, following: str) -> str:
        """What stands before the character `following`, with no trace of what was dropped there."""
        before, is_gap, blank_after = self._before, self._is_gap, self._blank_after
        self._before, self._is_gap, self._blank_after, self._had_line = "", False, False, False
        if not is_gap:
            return before
        if following in _CLOSES:
            return before.rstrip(" \t")
        glued = self.shown[-1:].isalnum() and following.isalnum()
        return before or (" " if blank_after or glued else "")

    def _cited(self, n: int) -> str:
        start = len(self.shown)
        text = self._show(f"[{n}]")
        self.places.append((n, start, len(self.shown)))
        return text

    def _show(self, text: str) -> str:
        text = text if self.shown else text.lstrip()
        self.shown += text
        return text
