"""GPT-2's alphabet: one printable character for each byte, in which byte-level tokens are written."""

from __future__ import annotations


def _characters() -> tuple[str, ...]:
    """A byte that Latin-1 prints is itself; the others take the characters from U+0100 in order."""
    printed = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return tuple(chr(byte if byte in printed else next(others)) for byte in range(256))


CHARACTERS = _characters()
_TABLE = dict(enumerate(CHARACTERS))


def as_characters(data: bytes) -> str:
    """`data` with a character for each byte."""
    return data.decode("latin-1").translate(_TABLE)
