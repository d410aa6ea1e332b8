"""`[n]` in a model's answer: those of passages that exist stay, the others never reach the reader."""

from __future__ import annotations

import re

_CITATION = re.compile(r"\[(\d{1,3})\]")
_PENDING = re.compile(r"\s*(?:\[\d{0,3})?$")
_DANGLING = re.compile(r"[ \t]+(?=[.,;:!?\n]|$)")


class CitationFilter:
    """Streams text through, dropping each `[n]` with n outside 1..n_passages.

    Invariant: `shown` is what was returned so far; `cited` the numbers in it, in order of first use.
    """

    def __init__(self, n_passages: int) -> None:
        self._n_passages = n_passages
        self._held = ""
        self.shown = ""
        self.cited: list[int] = []

    def push(self, text: str) -> str:
        """Take generated text; return what can be shown. A possible citation waits until it is whole."""
        self._held += text
        pending = _PENDING.search(self._held)
        assert pending is not None
        ready, self._held = self._held[: pending.start()], self._held[pending.start() :]
        return self._show(ready)

    def finish(self) -> str:
        """Return what waited; trailing white space is dropped."""
        ready, self._held = self._held.rstrip(), ""
        return self._show(ready)

    def _show(self, text: str) -> str:
        verified = _CITATION.sub(self._verify, text)
        if verified != text:
            verified = _DANGLING.sub("", verified)
        if not self.shown:
            verified = verified.lstrip()
        self.shown += verified
        return verified

    def _verify(self, match: re.Match[str]) -> str:
        n = int(match.group(1))
        if not 1 <= n <= self._n_passages:
            return ""
        if n not in self.cited:
            self.cited.append(n)
        return match.group()
