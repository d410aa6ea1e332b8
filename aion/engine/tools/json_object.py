"""Finds the end of a JSON object in a text that is still being written. Judges no more than brackets and
quotes; whether it is JSON is asked when it is whole."""

from __future__ import annotations


class ObjectEnd:
    """`push` the text from the object's first brace on; it answers where the object ends."""

    def __init__(self, depth: int = 0) -> None:
        """`depth` brackets are open already."""
        self._depth = depth
        self._in_string = self._is_escaped = False

    def push(self, text: str) -> int | None:
        """How many characters of `text` belong to the object when it ends in it, None while it goes on."""
        for n, character in enumerate(text, 1):
            if self._in_string:
                self._take_in_string(character)
            elif character == '"':
                self._in_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth <= 0:
                    return n
        return None

    def _take_in_string(self, character: str) -> None:
        if self._is_escaped:
            self._is_escaped = False
        elif character == "\\":
            self._is_escaped = True
        elif character == '"':
            self._in_string = False
