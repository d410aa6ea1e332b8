"""Documents to chunks: never across a heading, whole blocks and sentences, each with its heading path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import ceil

from aion.rag.blocks import Fits, Piece, pieces
from aion.types import Chunk, LoadedDocument, Section

PATH_SEPARATOR = " › "
CHARS_PER_WORD = 12  # text without spaces, an address say, counts a word for every so many characters
_SPECIAL_TOKENS = 64  # more than a model's marks and its prefix for passages take


@dataclass(frozen=True, slots=True)
class TokenLimit:
    """What an embedder can read at once: no text may have more than `most` by its own `count`."""

    count: Callable[[str], int]
    most: int

    def allows(self, text: str) -> bool:
        """A tokenizer with bytes to fall back on makes at most one token of a byte: short texts are not
        counted, which would take as long as all the cutting."""
        return (
            len(text.encode("utf-8", "replace")) + _SPECIAL_TOKENS <= self.most
            or self.count(text) <= self.most
        )


def chunk(
    document: LoadedDocument,
    max_words: int,
    count_tokens: Callable[[str], int] | None = None,
    max_tokens: int | None = None,
) -> list[Chunk]:
    """The chunks of a document in order; every word of every section is in one, and in its order.

    A section of up to `max_words` words is one chunk, a longer one is cut into chunks of about even
    size. With `count_tokens` and `max_tokens`, no chunk with its heading path has more tokens. The
    first line of a chunk's text is the path: title, then headings. A table that is cut has its header
    in each of its chunks.
    """
    limit = TokenLimit(count_tokens, max_tokens) if count_tokens and max_tokens else None
    return [
        made for section in document.sections for made in _chunks(document.title, section, max_words, limit)
    ]


def n_words(text: str) -> int:
    """Words between spaces, but at least one for every CHARS_PER_WORD characters."""
    return max(len(text.split()), ceil(len(text) / CHARS_PER_WORD))


def _chunks(title: str, section: Section, max_words: int, limit: TokenLimit | None) -> Iterator[Chunk]:
    path, text = _path(title, section, limit)
    line, counted = section.line - text.count("\n") + section.text.count("\n"), 0
    fits = partial(_has_few_words, max_words=max_words)
    for piece in _within(_cut(text, max_words, fits), text, path, max_words, limit):
        line += text.count("\n", counted, piece.start)
        counted = piece.start
        yield Chunk(title, _join(path, _body(text, piece)), max(line, section.line), section.page)


def _within(
    cut: list[Piece], text: str, path: str, max_words: int, limit: TokenLimit | None
) -> Iterator[Piece]:
    """The pieces, those with too many tokens cut once more."""
    for piece in cut:
        if limit is None or limit.allows(_join(path, _body(text, piece))):
            yield piece
            continue

        fits = partial(_fits, max_words=max_words, path=path, limit=limit)
        for part in _cut(text[piece.start : piece.end], max_words, fits):
            found = Piece(piece.start + part.start, piece.start + part.end, part.head or piece.head)
            yield found if fits(_body(text, found)) else Piece(found.start, found.end)


def _fits(body: str, max_words: int, path: str, limit: TokenLimit) -> bool:
    return _has_few_words(body, max_words) and limit.allows(_join(path, body))


def _has_few_words(body: str, max_words: int) -> bool:
    return n_words(body) <= max_words


def _path(title: str, section: Section, limit: TokenLimit | None) -> tuple[str, str]:
    """The heading path, and the text below it. Where tokens are short the beginning of the path goes, so
    that half are left for the text; a last heading too long even then is cut, and the text begins with it."""
    headings = section.headings
    names = list(headings if headings[:1] == (title,) else (title, *headings))
    if limit is None:
        return PATH_SEPARATOR.join(names), section.text
    half = TokenLimit(limit.count, limit.most // 2)
    while len(names) > 1 and not half.allows(PATH_SEPARATOR.join(names)):
        del names[0]
    path, heading = PATH_SEPARATOR.join(names), names[-1]
    if half.allows(path):
        return path, section.text
    while heading and not half.allows(heading + "…"):
        heading = heading[: len(heading) // 2]
    return heading + "…", "\n".join(filter(None, [path, section.text]))


def _join(path: str, body: str) -> str:
    return f"{path}\n{body}" if body else path


def _body(text: str, piece: Piece) -> str:
    body = text[piece.start : piece.end]
    return f"{piece.head}\n{body}" if piece.head else body


def _cut(text: str, max_words: int, fits: Fits) -> list[Piece]:
    """Stretches of `text`, each of one or more pieces: filled to an even share, never past `fits`."""
    if fits(text):
        return [Piece(0, len(text))]
    n_total = n_words(text)
    share = ceil(n_total / ceil(n_total / max_words))
    filled: list[Piece] = []
    for piece in pieces(text, fits):
        last = filled[-1] if filled else None
        if last is not None and n_words(text[last.start : last.end]) < share:
            longer = Piece(last.start, piece.end, last.head)
            if fits(_body(text, longer)):
                filled[-1] = longer
                continue
        filled.append(piece)
    return filled
