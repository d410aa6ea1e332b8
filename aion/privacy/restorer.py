"""Placeholders put back in a stream, where they may come in pieces."""

from __future__ import annotations

from aion.privacy.masks import Masks
from aion.privacy.placeholder import MAX_CHARS, PLACEHOLDER, beginning


class Restorer:
    """What it gave out, joined, is `masks.restore` of what it was given, joined. It keeps back only what may
    yet turn into a placeholder."""

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self._kept = ""
        self._before = ""  # the last character that went through: what may stand before a placeholder

    def push(self, delta: str) -> str:
        """What is sure by now, perhaps nothing."""
        text = self._before + self._kept + delta
        unsure = _unsure_from(text, len(self._before))
        return self._take(text, unsure)

    def finish(self) -> str:
        """The rest. Call it once, at the end."""
        text = self._before + self._kept
        return self._take(text, len(text))

    def _take(self, text: str, until: int) -> str:
        out, done = [], len(self._before)
        for match in PLACEHOLDER.finditer(text, done):
            if match.start() >= until:
                break
            out += [text[done : match.start()], self._masks.replacement(match)]
            done = match.end()
        until = max(until, done)
        out.append(text[done:until])
        self._before, self._kept = text[:until][-1:], text[until:]
        return "".join(out)


def _unsure_from(text: str, start: int) -> int:
    match = beginning().search(text, max(start, len(text) - MAX_CHARS))
    return match.start() if match else len(text)
