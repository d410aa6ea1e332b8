"""Compressed bytes to plain ones, a piece at a time: a bomb meets a limit before it fills the memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from aion.errors import DocumentError

PIECE_BYTES = 256 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_EITHER = 32 + zlib.MAX_WBITS  # zlib's header or gzip's


def inflated(parts: Iterable[bytes], encoding: str, name: str) -> Iterator[bytes]:
    """The content of a transfer in `encoding` ("", "gzip", "deflate"); what was compressed comes in pieces
    of at most PIECE_BYTES, for the caller to count. Raises DocumentError: damaged, or another encoding."""
    if encoding in ("", "identity"):
        yield from parts
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise DocumentError(f"{name} was sent in the encoding {encoding[:40]!r}, which was not asked for.")
    wbits = _EITHER if encoding == "deflate" else _GZIP
    try:
        yield from _members(parts, wbits)
    except zlib.error as error:
        raise DocumentError(f"{name} was sent damaged ({error}); try again.") from error


def gunzipped(data: bytes, limit: int, name: str) -> bytes:
    """The content of gzip `data`. Raises DocumentError when it is damaged or has more than `limit` bytes."""
    pieces = []
    n_bytes = 0
    for piece in inflated([data], "gzip", name):
        n_bytes += len(piece)
        if n_bytes > limit:
            raise DocumentError(f"{name} unpacks to more than {limit:,} bytes; AION does not read on.")
        pieces.append(piece)
    return b"".join(pieces)


def _members(parts: Iterable[bytes], wbits: int) -> Iterator[bytes]:
    """A gzip file may be several, one after the other."""
    stream = zlib.decompressobj(wbits)
    for part in parts:
        rest = part
        while rest:
            if stream.eof:
                stream = zlib.decompressobj(wbits)
            piece = stream.decompress(rest, PIECE_BYTES)
            if piece:
                yield piece
            rest = stream.unused_data if stream.eof else stream.unconsumed_tail
