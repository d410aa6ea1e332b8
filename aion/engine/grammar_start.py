"""Waits for the place from where a grammar holds. Owned by the engine thread.

llama.cpp has lazy grammars too, and ends the process when what woke one does not fit it; here the tokens from
that place on are offered to the grammar one by one, and where one does not fit, the text goes on freely.
"""

from __future__ import annotations

import re
from collections import deque

from aion.engine.grammar import Grammar, GrammarTooSlow
from aion.types import GrammarStart

_WINDOW = 512


class WaitingGrammar:
    """`push` every token; from the one it answers with the grammar, the grammar holds. Invariant: the grammar
    has taken in every token since the place it begins at."""

    def __init__(self, grammar: Grammar, start: GrammarStart) -> None:
        self._grammar = grammar
        self._markers = [marker.encode() for marker in start.markers]
        self._beginning = re.compile(rb"\s*" + start.beginning.encode()) if start.beginning else None
        self._tokens: deque[tuple[int, bytes]] = deque()
        self._text = b""
        self._has_all, self._is_over = True, False

    def push(self, token: int, piece: bytes) -> Grammar | None:
        """The grammar, once the text has come to its place and fits."""
        if self._is_over:
            return None
        self._tokens.append((token, piece))
        self._text += piece
        place = self._place(len(piece))
        if place is not None:
            return self._woken(place)
        while len(self._text) > _WINDOW:
            dropped = self._tokens.popleft()[1]
            self._text = self._text[len(dropped) :]
            self._has_all = False
        return None

    def close(self) -> None:
        """Free the grammar, which must not have been handed out."""
        self._grammar.close()

    def _place(self, n_new: int) -> int | None:
        """Where in the text the grammar begins, None while it does not."""
        for marker in self._markers:
            at = self._text.find(marker, max(0, len(self._text) - n_new - len(marker)))
            if at >= 0:
                return at
        if self._beginning is not None and self._has_all and self._beginning.match(self._text):
            return 0  # the grammar takes the space before it
        return None

    def _woken(self, place: int) -> Grammar | None:
        """Offer the grammar all tokens from `place` on; None when it takes one of them not."""
        self._is_over, at = True, 0
        for token, piece in self._tokens:
            if at < place < at + len(piece) or (piece and at >= place and not self._takes(token)):
                return None
            at += len(piece)
        return self._grammar

    def _takes(self, token: int) -> bool:
        try:
            if not self._grammar.allows(token):
                return False
            self._grammar.accept(token)
        except GrammarTooSlow:
            return False
        return True
