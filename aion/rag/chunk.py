"""Documents to chunks: never across a heading, whole blocks and sentences, each with its heading path."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil

from aion.rag.blocks import Span, spans
from aion.types import Chunk, LoadedDocument, Section

PATH_SEPARATOR = " › "
CHARS_PER_WORD = 12  # text without spaces, an address say, counts a word for every so many characters


def chunk(
    document: LoadedDocument,
    max_words: int,
    count_tokens: Callable[[str], int] | None = None,
    max_tokens: int | None = None,
) -> list[Chunk]:
    """The chunks of a document in order; every word of every section is in one, and in its order.

    A section of up to `max_words` words is one chunk, a longer one is cut into chunks of about even
    size. With `count_tokens` and `max_tokens`, no chunk with its heading path has more tokens. The
    first line of a chunk's text is the path: title, then headings.
    """
    chunks = []
    for section in document.sections:
        path = _path(document.title, section, count_tokens, max_tokens)
        fits = partial(
            _fits, max_words=max_words, path=path, count_tokens=count_tokens, max_tokens=max_tokens
        )
        line, counted = section.line, 0
        for start, end in _cut(section.text, max_words, fits):
            line += section.text.count("\n", counted, start)
            counted = start
            chunks.append(Chunk(document.title, _join(path, section.text[start:end]), line))
    return chunks


def n_words(text: str) -> int:
    """Words between spaces, but at least one for every CHARS_PER_WORD characters."""
    return max(len(text.split()), ceil(len(text) / CHARS_PER_WORD))


def _path(
    title: str, section: Section, count_tokens: Callable[[str], int] | None, max_tokens: int | None
) -> str:
    """The heading path; where tokens are short its beginning goes, so that half are left for the text."""
    headings = section.headings
    names = list(headings if headings[:1] == (title,) else (title, *headings))
    if count_tokens is not None and max_tokens is not None:
        while len(names) > 1 and count_tokens(PATH_SEPARATOR.join(names)) > max_tokens // 2:
            del names[0]
    return PATH_SEPARATOR.join(names)


def _join(path: str, body: str) -> str:
    return f"{path}\n{body}" if body else path


def _fits(
    body: str, *, max_words: int, path: str, count_tokens: Callable[[str], int] | None, max_tokens: int | None
) -> bool:
    if n_words(body) > max_words:
        return False
    return count_tokens is None or max_tokens is None or count_tokens(_join(path, body)) <= max_tokens


def _cut(text: str, max_words: int, fits: Callable[[str], bool]) -> list[Span]:
    """Spans of `text`, each of one or more pieces: filled to an even share, never past `fits`."""
    if fits(text):
        return [(0, len(text))]
    n_total = n_words(text)
    share = ceil(n_total / ceil(n_total / max_words))
    filled: list[Span] = []
    for start, end in spans(text, fits):
        first, last = filled[-1] if filled else (start, start)
        if filled and n_words(text[first:last]) < share and fits(text[first:end]):
            filled[-1] = (first, end)
        else:
            filled.append((start, end))
    return filled
