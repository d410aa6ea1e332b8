"""`[n]` in a model's answer: those of passages that exist stay, the others never reach the reader."""

from __future__ import annotations

import re

_CITATION = re.compile(r"[ \t]*\[([0-9]{1,3})\]\Z")
_PENDING = re.compile(r"(?:\s|\[[0-9]{0,3})*\Z")


class CitationFilter:
    """Streams text through, dropping each `[n]` with n outside 1..n_passages and the blanks before it.

    Invariant: `shown` is what was returned so far, the same however the text was split; `cited` the
    numbers in it, in order of first use.
    """

    def __init__(self, n_passages: int) -> None:
        self._n_passages = n_passages
        self._held = ""
        self.shown = ""
        self.cited: list[int] = []

    def push(self, text: str) -> str:
        """Take generated text; return what can be shown. A possible citation waits until it is whole."""
        return self._show("".join(map(self._step, text)))

    def finish(self) -> str:
        """Return what waited; trailing white space is dropped."""
        ready, self._held = self._held.rstrip(), ""
        return self._show(ready)

    def _show(self, text: str) -> str:
        text = text if self.shown else text.lstrip()
        self.shown += text
        return text

    def _step(self, character: str) -> str:
        """One character at a time: what a dropped citation leaves behind may begin another ("[1[9]2]")."""
        self._held += character
        citation = _CITATION.search(self._held) if character == "]" else None
        if citation and not self._verified(int(citation.group(1))):
            self._held = self._held[: citation.start()]
        pending = _PENDING.search(self._held)
        assert pending is not None
        ready, self._held = self._held[: pending.start()], self._held[pending.start() :]
        return ready

    def _verified(self, n: int) -> bool:
        if not 1 <= n <= self._n_passages:
            return False
        if n not in self.cited:
            self.cited.append(n)
        return True
