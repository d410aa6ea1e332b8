"""Cuts texts where one kind of character runs on for thousands: llama.cpp's splitting rules would overflow.

For several byte-level vocabularies (tekken, gpt-4o, deepseek ...) it matches recursively, a stack frame a
character, and 30,000 letters in a row end the process. Between the cuts the tokens are what they would be.
"""

from __future__ import annotations

import re

_LONGEST = 2000
_KINDS = (r"[^\W\d_]", r"\s", r"\d", r"[^\w\s]", "_")
_RUN = re.compile("|".join(f"{kind}{{{_LONGEST}}}" for kind in _KINDS))


def cut_runs(text: str) -> list[str]:
    """`text` in pieces, each run of letters, blanks, digits or signs at most 2,000 long; usually one."""
    if len(text) < _LONGEST:
        return [text]
    pieces, at = [], 0
    for match in _RUN.finditer(text):
        pieces.append(text[at : match.end()])
        at = match.end()
    return [*pieces, text[at:]] if text[at:] or not pieces else pieces
