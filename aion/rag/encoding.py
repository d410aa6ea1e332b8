"""Bytes to text: UTF-8 first, then the old encodings that Portuguese files are still found in."""

from __future__ import annotations

import codecs

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OLD_ENCODINGS = ("cp1252", "cp850", "mac_roman")
_PORTUGUESE = frozenset("áàâãçéêíóôõúüÁÀÂÃÇÉÊÍÓÔÕÚªº€–—“”‘’…«»°")
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")
_MAX_CONTROL_SHARE = 0.02


def is_binary(data: bytes) -> bool:
    """Whether `data` is no text: a NUL byte without a UTF-16 or UTF-32 mark, or many control characters."""
    if _bom_encoding(data) is not None:
        return False
    head = data[:65536]
    return b"\0" in data or sum(byte in _CONTROLS for byte in head) > _MAX_CONTROL_SHARE * len(head)


def decode(data: bytes) -> str:
    """The text of `data` with line ends as `\\n`. Never fails: what fits no encoding becomes U+FFFD."""
    text = data.decode(_bom_encoding(data) or _guess(data), "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _bom_encoding(data: bytes) -> str | None:
    return next((encoding for bom, encoding in _BOMS if data.startswith(bom)), None)


def _guess(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    n_bad = text.count("\ufffd")
    n_good = len(text) - n_bad - sum(byte < 128 for byte in data)
    if n_good >= n_bad:  # UTF-8, if perhaps with a damaged byte; in an old encoding nearly all are bad
        return "utf-8"
    return max(_OLD_ENCODINGS, key=lambda encoding: _n_portuguese(data, encoding))


def _n_portuguese(data: bytes, encoding: str) -> int:
    """How many characters would be Portuguese: on short texts a better judge than general detectors."""
    return sum(char in _PORTUGUESE for char in data.decode(encoding, "replace"))
