"""Tells code from prose in a Markdown answer while it streams: `a[2]` in code is no citation.

Knows backticks and answers that are data; neither citations nor what becomes of either kind of text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_MAY_BE_FENCE = re.compile(r"[ \t>]*(?:`{0,2}|~{0,2})")
_MAY_BE_DATA = re.compile(r"\s*(?:\[\s*)?")
_DATA = re.compile(r"\s*(?:\{|\[\s*[\"{])")


class Piece(NamedTuple):
    text: str
    is_code: bool


class CodeSpans:
    """One character in, pieces out that joined are the text so far, but for what waits.

    Code are blocks between fences, what is between backticks on one line, and an answer that is JSON
    from its first character. A backtick without its pair is prose, so what follows one waits for it.
    """

    def __init__(self) -> None:
        self._held = ""
        self._fence = ""  # what opened the block
        self._line = ""  # of the block, so far
        self._state: Callable[[str], Iterator[Piece]] = self._at_first

    def push(self, character: str) -> Iterator[Piece]:
        yield from self._state(character)

    def finish(self) -> Iterator[Piece]:
        """What waited: a span without its end is prose."""
        yield from self._flush(is_code=False)

    def _at_first(self, character: str) -> Iterator[Piece]:
        """The first characters say whether the whole answer is data."""
        self._held += character
        if _DATA.match(self._held):
            self._state = self._in_data
            yield from self._flush(is_code=True)
        elif not _MAY_BE_DATA.fullmatch(self._held):
            yield from self._again(self._at_line_start)

    def _in_data(self, character: str) -> Iterator[Piece]:
        yield Piece(character, True)

    def _at_line_start(self, character: str) -> Iterator[Piece]:
        self._held += character
        if match := _FENCE.match(self._held):
            self._fence, self._line, self._state = match.group(1), self._held, self._in_opening
            yield from self._flush(is_code=True)
        elif not _MAY_BE_FENCE.fullmatch(self._held):
            yield from self._again(self._in_prose)

    def _in_opening(self, character: str) -> Iterator[Piece]:
        """The rest of the line that opened a block."""
        yield Piece(character, True)
        self._line += character
        if character == self._fence[0] and self._line.strip(" \t>") == self._fence + character:
            self._fence += character
        elif character == "\n":
            self._line, self._state = "", self._in_block

    def _in_block(self, character: str) -> Iterator[Piece]:
        yield Piece(character, True)
        self._line += character
        if character == "\n":
            closing = _FENCE.fullmatch(self._line.rstrip())
            if closing and closing.group(1).startswith(self._fence):
                self._state = self._at_line_start
            self._line = ""

    def _in_prose(self, character: str) -> Iterator[Piece]:
        if character == "`":
            self._held, self._state = character, self._in_span
            return
        yield Piece(character, False)
        if character == "\n":
            self._state = self._at_line_start

    def _in_span(self, character: str) -> Iterator[Piece]:
        self._held += character
        opening = self._held[: len(self._held) - len(self._held.lstrip("`"))]
        if character == "\n":
            self._state = self._at_line_start
            yield from self._flush(is_code=False)
        elif len(self._held) > 2 * len(opening) and self._held.endswith(opening):
            self._state = self._in_prose
            yield from self._flush(is_code=True)

    def _again(self, state: Callable[[str], Iterator[Piece]]) -> Iterator[Piece]:
        """What was held turned out to be something else: take it in once more."""
        held, self._held, self._state = self._held, "", state
        for character in held:
            yield from self._state(character)

    def _flush(self, *, is_code: bool) -> Iterator[Piece]:
        held, self._held = self._held, ""
        if held:
            yield Piece(held, is_code)
