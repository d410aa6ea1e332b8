"""Where a text may be cut, best places first: between blocks, between their parts, between sentences, words.

Everything is (start, end) into the text, so that nothing is lost or changed on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from aion.rag.sentences import split_sentences

Span = tuple[int, int]
Fits = Callable[[str], bool]
Kind = Literal["paragraph", "list", "table", "code"]

_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s")
_ROW = re.compile(r"\s*\|")
_RULE = re.compile(
    r"\s*\|?(?:\s*:?-+:?\s*\|)+\s*(?::?-+:?\s*)?$"
)  # what parts a table's header from its rows
_INDENTED = re.compile(r"(?: {2,}|\t)\S")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a list, a table or fenced code; `parts` are its items, rows or lines, with what
    continues them, and of a paragraph the whole."""

    kind: Kind
    parts: tuple[Span, ...]

    @property
    def span(self) -> Span:
        return self.parts[0][0], self.parts[-1][1]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text no cut should go through. `head` is a table's header, to be put in front where the
    table was cut before this row."""

    start: int
    end: int
    head: str = ""


def pieces(text: str, fits: Fits) -> list[Piece]:
    """Cut `text` into pieces that fit: blocks where they do, else items, rows and lines, else sentences,
    else halves at a space. What ends in a colon stays with what it announces where both fit.

    A word that does not fit by itself is cut too. Only white space is left out between pieces.
    """
    found: list[Piece] = []
    for block in blocks(text):
        for piece in _of_block(text, block, fits):
            before = found[-1] if found else None
            if before is not None and text[before.end - 1] == ":" and fits(text[before.start : piece.end]):
                found[-1] = Piece(before.start, piece.end, before.head)
            else:
                found.append(piece)
    return found


def blocks(text: str) -> list[Block]:
    """The blocks of a text in order. A list goes on after an empty line when an item or an indented
    line follows; a table ends there."""
    found: list[tuple[Kind, list[Span]]] = []
    for line in _lines(text):
        kind, parts = found[-1] if found else (line.kind, [])
        if not parts or line.begins_block or not _joins(kind, line):
            found.append((line.kind, [line.span]))
        elif line.is_part and kind == line.kind:
            parts.append(line.span)
        else:
            parts[-1] = parts[-1][0], line.span[1]
    return [Block(kind, tuple(parts)) for kind, parts in found]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not empty: what it is by itself, and how it goes with what is before it."""

    span: Span
    kind: Kind
    is_part: bool
    is_indented: bool
    is_after_gap: bool
    begins_block: bool


def _lines(text: str) -> Iterator[_Line]:
    position, fenced, gap, closed = 0, False, False, False
    for line in text.split("\n"):
        start, position = position, position + len(line) + 1
        if not line.strip():
            gap = not fenced
            continue
        is_fence = _FENCE.match(line) is not None
        opens, closes = is_fence and not fenced, is_fence and fenced
        kind = _kind(line, fenced or is_fence)
        yield _Line(
            span=_strip(text, start, position - 1),
            kind=kind,
            is_part=kind != "paragraph" and not closes,
            is_indented=_INDENTED.match(line) is not None,
            is_after_gap=gap,
            begins_block=opens or closed,
        )
        gap, closed, fenced = False, closes, fenced ^ is_fence


def _kind(line: str, is_code: bool) -> Kind:
    if is_code:
        return "code"
    if _ITEM.match(line):
        return "list"
    return "table" if _ROW.match(line) else "paragraph"


def _joins(last: Kind, line: _Line) -> bool:
    """Whether a line that opens or follows no fence belongs to the block before it."""
    if last == line.kind == "list":
        return True
    if line.is_after_gap:
        return last == line.kind == "code" or (
            last == "list" and line.kind == "paragraph" and line.is_indented
        )
    return last == line.kind or (line.kind == "paragraph" and last != "code")


def _of_block(text: str, block: Block, fits: Fits) -> Iterator[Piece]:
    first = block.span[0]
    if fits(text[slice(*block.span)]):
        yield Piece(*block.span)
        return
    n_head, head = _head(text, block, fits)
    opening = [(first, block.parts[n_head - 1][1])] if n_head else []
    for start, end in (*opening, *block.parts[n_head:]):
        if head and start != first and fits(f"{head}\n{text[start:end]}"):
            yield Piece(start, end, head)
        elif fits(text[start:end]):
            yield Piece(start, end)
        else:
            for sentence in _sentences(text, (start, end)):
                yield from (Piece(*half) for half in _halves(text, sentence, fits))


def _head(text: str, block: Block, fits: Fits) -> tuple[int, str]:
    """How many parts a table's header and its first row are, and the header; (0, "") where there is none."""
    if block.kind != "table" or len(block.parts) < 4 or not _RULE.match(text[slice(*block.parts[1])]):
        return 0, ""
    head = text[block.parts[0][0] : block.parts[1][1]]
    rows = (text[slice(*part)] for part in block.parts[2:])
    return (3, head) if all(fits(f"{head}\n{row}") for row in rows) else (0, "")


def _sentences(text: str, block: Span) -> list[Span]:
    found, position = [], block[0]
    for sentence in split_sentences(text[slice(*block)]):
        start = text.index(sentence, position)
        position = start + len(sentence)
        found.append((start, position))
    return found


def _halves(text: str, span: Span, fits: Fits) -> list[Span]:
    start, end = span
    if fits(text[start:end]) or end - start < 2:
        return [span]
    middle = (start + end) // 2
    space = _SPACE.search(text, middle, end)
    if space is None:
        space = max(_SPACE.finditer(text, start, middle), key=lambda found: found.start(), default=None)
    left, right = space.span() if space else (middle, middle)
    return _halves(text, (start, left), fits) + _halves(text, (right, end), fits)


def _strip(text: str, start: int, end: int) -> Span:
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())
