"""A text in the one form the detectors read, and the way back to the original's offsets.

Full-width and other digits become 0-9, every dash "-", every blank " "; characters that nobody sees vanish;
what is already found or a placeholder becomes one character that no detector matches.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from aion.privacy.placeholder import IGNORED

BARRIER = "\ufffc"

_IGNORED = re.compile(f"[{IGNORED}]+")
_DIGITS_FROM = (0x660, 0x6F0, 0x966, 0xFF10, *range(0x1D7CE, 0x1D800, 10))  # zeros of other scripts and fonts
_TABLE = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **{zero + n: ord("0") + n for zero in _DIGITS_FROM for n in range(10)},
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE58, 0xFE63), ord("-")),
    **dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), ord(" ")),
    **dict.fromkeys((0x2028, 0x2029, 0x85, ord("\r"), 0x0B, 0x0C), ord("\n")),
    ord("\t"): ord(" "),
    0x2019: ord("'"),
    0x2044: ord("/"),
}
for _kept in "＿［］":  # a placeholder is written with the plain ones only
    del _TABLE[ord(_kept)]


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` as the detectors see it; pieces of it begin at `starts` and there stand for original offsets."""

    text: str
    starts: list[int]
    origins: list[int]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The original's span of text[start:end], which is not empty."""
        return self._at(start), self._at(end - 1) + 1

    def _at(self, index: int) -> int:
        piece = bisect_right(self.starts, index) - 1
        return self.origins[piece] + index - self.starts[piece]


def fold(text: str, taken: Iterable[tuple[int, int]] = ()) -> Folded:
    """`taken`: spans of `text`, sorted and apart, that are no longer to be read."""
    folded, starts, origins, length, done = [], [0], [0], 0, 0
    plain = text.translate(_TABLE)
    for start, end, stands in _gaps(text, taken):
        folded += [plain[done:start], stands]
        length += start - done + len(stands)
        starts.append(length)
        origins.append(end)
        done = end
    folded.append(plain[done:])
    return Folded("".join(folded), starts, origins)


def _gaps(text: str, taken: Iterable[tuple[int, int]]) -> list[tuple[int, int, str]]:
    gaps = [(start, end, BARRIER) for start, end in taken]
    if text.isascii():
        return gaps
    done: list[tuple[int, int, str]] = []
    spans, n = gaps, 0
    for match in _IGNORED.finditer(text):
        while n < len(spans) and spans[n][1] <= match.start():
            done.append(spans[n])
            n += 1
        if n == len(spans) or match.end() <= spans[n][0]:
            done.append((match.start(), match.end(), ""))
    return done + spans[n:]
