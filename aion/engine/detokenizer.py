"""Tokens to text as they come: whole UTF-8 characters only, stop strings never leaked.

Knows bytes and strings; neither tokens of a vocabulary nor llama.cpp.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class Detokenizer:
    """The text of one sequence. Owned by the engine thread.

    Invariant: what `push` and `finish` returned, joined, is the text before the first stop string, however
    the bytes were split. The first is the one complete first, the longest where several are at once.
    """

    def __init__(self, stop: Sequence[str] = (), *, drop_leading_space: bool = False) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._stop = tuple(s for s in stop if s)
        self._held = ""
        self._drop_leading_space = drop_leading_space
        self.stopped = False

    def push(self, piece: bytes) -> str:
        """Take the bytes of one token; return the text that may be shown now ("" while unsure)."""
        return self._release(self._decoder.decode(piece))

    def finish(self) -> str:
        """Return what was held back, once nothing more comes."""
        if self.stopped:
            return ""
        text = self._release(self._decoder.decode(b"", final=True))
        held, self._held = self._held, ""
        return text + ("" if self.stopped else held)

    def _release(self, text: str) -> str:
        if self.stopped:
            return ""
        if text and self._drop_leading_space:
            text = text.removeprefix(" ")
            self._drop_leading_space = False
        self._held += text
        ends = [(i + len(s), i) for s in self._stop if (i := self._held.find(s)) >= 0]
        if ends:
            self.stopped = True
            shown, self._held = self._held[: min(ends)[1]], ""
            return shown
        keep = self._possible_stop()
        split = len(self._held) - keep
        shown, self._held = self._held[:split], self._held[split:]
        return shown

    def _possible_stop(self) -> int:
        """Length of the longest end of the held text that may begin a stop string."""
        longest = 0
        for stop in self._stop:
            for n in range(min(len(stop) - 1, len(self._held)), longest, -1):
                if self._held.endswith(stop[:n]):
                    longest = n
                    break
        return longest
