"""Where a text may be cut, best places first: between blocks, between sentences, between words.

Everything is (start, end) into the text, so that nothing is lost or changed on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from aion.rag.sentences import split_sentences

Span = tuple[int, int]

_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s")
_ROW = re.compile(r"\s*\|")
_SPACE = re.compile(r"\s+")


def spans(text: str, fits: Callable[[str], bool]) -> list[Span]:
    """Cut `text` into pieces that fit: blocks where they do, else sentences, else halves at a space.

    A word that does not fit by itself is cut too. Only white space is left out between pieces.
    """
    pieces = []
    for block in _blocks(text):
        if fits(text[slice(*block)]):
            pieces.append(block)
            continue
        for sentence in _sentences(text, block):
            pieces += _halves(text, sentence, fits)
    return pieces


def _blocks(text: str) -> list[Span]:
    """Paragraphs, list items, table rows and fenced code."""
    blocks: list[Span] = []
    position, fenced, is_new = 0, False, True
    for line in text.split("\n"):
        start, position = position, position + len(line) + 1
        is_fence = _FENCE.match(line) is not None
        if not line.strip() and not fenced:
            is_new = True
            continue
        if is_new or (not fenced and (is_fence or _ITEM.match(line) or _ROW.match(line))):
            blocks.append((start, position - 1))
        else:
            blocks[-1] = (blocks[-1][0], position - 1)
        is_new = is_fence and fenced  # after a closing fence
        fenced ^= is_fence
    return [_strip(text, *block) for block in blocks]


def _sentences(text: str, block: Span) -> list[Span]:
    found, position = [], block[0]
    for sentence in split_sentences(text[slice(*block)]):
        start = text.index(sentence, position)
        position = start + len(sentence)
        found.append((start, position))
    return found


def _halves(text: str, span: Span, fits: Callable[[str], bool]) -> list[Span]:
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
