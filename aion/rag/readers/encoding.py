"""Bytes to text: UTF-8 first, then the old encodings that Portuguese files are still found in."""

from __future__ import annotations

import codecs
from pathlib import PurePath

from aion.errors import DocumentError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OLD_ENCODINGS = ("cp1252", "cp850", "mac_roman")
_WINDOWS = frozenset({"iso-8859-1", "iso8859-1", "latin1", "latin-1", "l1", "us-ascii", "ascii"})
_PORTUGUESE = frozenset("áàâãçéêíóôõúüÁÀÂÃÇÉÊÍÓÔÕÚªº€–—“”‘’…«»°")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
_MAX_CONTROL_SHARE = 0.02
_ASCII = bytes(range(128))
_JUDGED_BYTES = 65536


def text_of(data: bytes, name: str, declared: str = "") -> str:
    """The text of `data`, the content of file `name`. Raises DocumentError when it is none."""
    if is_binary(data):
        suffix = PurePath(name).suffix
        raise DocumentError(f"{name} is not text although it is named {suffix}; save it as text.")
    return decode(data, declared)


def is_binary(data: bytes) -> bool:
    """Whether `data` is no text: a NUL byte without a UTF-16 or UTF-32 mark, or many control characters."""
    if _bom_encoding(data) is not None:
        return False
    head = data[:_JUDGED_BYTES]
    n_controls = len(head) - len(head.translate(None, _CONTROLS))
    return b"\0" in data or n_controls > _MAX_CONTROL_SHARE * len(head)


def decode(data: bytes, declared: str = "") -> str:
    """The text of `data` with line ends as `\\n`. Never fails: what fits no encoding becomes U+FFFD.

    `declared` is the encoding the document claims; what the bytes plainly are comes before it.
    """
    text = data.decode(_bom_encoding(data) or _guess(data, declared), "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _bom_encoding(data: bytes) -> str | None:
    return next((encoding for bom, encoding in _BOMS if data.startswith(bom)), None)


def _guess(data: bytes, declared: str) -> str:
    high = data.translate(None, _ASCII)
    text = data.decode("utf-8", "replace")
    n_bad = text.count("\ufffd")
    n_good = len(text) - n_bad - (len(data) - len(high))
    if n_good >= n_bad:  # UTF-8, if perhaps with a damaged byte; in an old encoding nearly all are bad
        return "utf-8"
    if declared.lower() in _WINDOWS:
        declared = "cp1252"  # as browsers do: who says Latin-1 has its euro sign and quotes too
    if _fits(data, declared):
        return declared
    return max(_OLD_ENCODINGS, key=lambda encoding: _n_portuguese(high[:_JUDGED_BYTES], encoding))


def _fits(data: bytes, encoding: str) -> bool:
    """Whether all of `data` is text in an encoding of that name."""
    try:
        data.decode(encoding or "ascii")
    except (UnicodeError, LookupError, ValueError):
        return False
    return True


def _n_portuguese(data: bytes, encoding: str) -> int:
    """How many characters would be Portuguese: on short texts a better judge than general detectors."""
    return sum(char in _PORTUGUESE for char in data.decode(encoding, "replace"))
