"""Reads a GBNF grammar and refuses, saying where and why, what llama.cpp could not use or would choke on.

llama.cpp parses grammars too, but says what is wrong to stderr only, never returns from `x{3,2}`, takes
`x{0,5000}` as unbounded, misses some left recursion, which then eats all memory, and ends the process where
a token such as `<[5]>` meets text. Knows no model.
Syntax: llama.cpp's grammars/README.md.
"""

from __future__ import annotations

import re

from aion.engine.gbnf_rules import Alternatives, Piece, check_rules
from aion.errors import InvalidRequest

MAX_REPEATS = 2000  # llama.cpp's own limit
_MAX_CHARS = 131_072
_MAX_DEPTH = 64

_SPACE = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_ANY_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_CHAR = r'(?:\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[trn\\"\[\]-])|[^\\%s])'
_LITERAL = re.compile(f'"({_CHAR % chr(34)}*)"')
_CLASS = re.compile(r"\[\^?((?:%s)+)\]" % (_CHAR % r"\]"))
_ONE_CHAR = re.compile(_CHAR % "")
_REPEAT = re.compile(r"\{[ \t]*([0-9]{1,9})[ \t]*(,?)[ \t]*([0-9]{1,9})?[ \t]*\}")


def check_grammar(text: str, param: str = "grammar") -> None:
    """Raises InvalidRequest, naming `param`, unless llama.cpp can use the grammar and it can end."""
    if len(text) > _MAX_CHARS or "\0" in text:
        raise InvalidRequest(
            f"{param} has {len(text)} characters; a grammar has at most {_MAX_CHARS}, none of them NUL.",
            param=param,
        )
    try:
        text.encode()
        check_rules(_Parser(text).rules())
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            f"{param} has half a surrogate pair at character {error.start}; send whole characters.",
            param=param,
        ) from error
    except ValueError as error:
        raise InvalidRequest(f"{param} cannot be used: {error}.", param=param) from error


class _Parser:
    """A cursor over the text of a grammar. Raises ValueError that says where."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def rules(self) -> dict[str, Alternatives]:
        """Alternatives by the name of their rule."""
        rules: dict[str, Alternatives] = {}
        self._match(_ANY_SPACE)
        while self._at < len(self._text):
            start = self._at
            name = self._need(_NAME, "the name of a rule")[0]
            if name in rules:
                self._at = start
                raise self._error(f"the rule {name!r} is there twice")
            self._match(_SPACE)
            self._need(re.compile("::="), "'::='")
            self._match(_ANY_SPACE)
            rules[name] = self._alternatives(nested=False)
            if self._at < len(self._text):
                self._need(re.compile(r"\r\n?|\n"), "the end of the line")
            self._match(_ANY_SPACE)
        return rules

    def _alternatives(self, *, nested: bool) -> Alternatives:
        found = [self._sequence(nested)]
        while self._match(re.compile(r"\|")):
            self._match(_ANY_SPACE)
            found.append(self._sequence(nested))
        return tuple(found)

    def _sequence(self, nested: bool) -> tuple[Piece, ...]:
        pieces: list[Piece] = []
        space = _ANY_SPACE if nested else _SPACE
        while piece := self._piece():
            self._match(space)
            while repeats := self._repeats(piece):
                self._match(space)
                inner = piece if piece.least == piece.most == 1 else Piece(options=((piece,),))
                n = inner.n_elements * max(1, repeats[1] or repeats[0])
                piece = Piece(inner.ref, inner.options, *repeats, n)
            pieces.append(piece)
        return tuple(pieces)

    def _piece(self) -> Piece | None:
        if found := self._match(_LITERAL):
            n_chars = len(_ONE_CHAR.findall(found[1]))
            return Piece(n_elements=n_chars) if n_chars else Piece(options=((),))
        if found := self._match(_CLASS):
            return Piece(n_elements=len(_ONE_CHAR.findall(found[1])))
        if self._match(re.compile(r"\.")):
            return Piece()
        if found := self._match(_NAME):
            return Piece(ref=found[0])
        if self._match(re.compile(r"\(")):
            return self._group()
        if self._text.startswith(("<", "!"), self._at):
            raise self._error("tokens in a grammar are not supported; write their text")
        if self._text.startswith(('"', "["), self._at):
            raise self._error("this is not closed, empty, or holds an unknown escape")
        return None

    def _group(self) -> Piece:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error(f"groups are nested more than {_MAX_DEPTH} deep")
        self._match(_ANY_SPACE)
        options = self._alternatives(nested=True)
        self._need(re.compile(r"\)"), "')'")
        self._depth -= 1
        return Piece(options=options)

    def _repeats(self, piece: Piece) -> tuple[int, int | None] | None:
        """How often `piece` comes, where that is said."""
        is_nothing = piece.options == ((),) or piece.most == 0
        if is_nothing and self._text.startswith(("*", "+", "?", "{"), self._at):
            raise self._error("there is nothing before it to repeat")
        if found := self._match(re.compile(r"[*+?]")):
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[found[0]]
        if not self._text.startswith("{", self._at):
            return None
        start = self._at
        found = self._need(_REPEAT, "{n}, {n,} or {n,m}")
        least = int(found[1])
        most = int(found[3]) if found[3] else None if found[2] else least
        if (found[3] and not found[2]) or max(least, most or 0) > MAX_REPEATS or least > (most or least):
            self._at = start
            raise self._error(f"{found[0]} must count upwards and to {MAX_REPEATS} at most")
        return least, most

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _need(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        found = self._match(pattern)
        if not found:
            raise self._error(f"{what} is expected")
        return found

    def _error(self, message: str) -> ValueError:
        line = self._text.count("\n", 0, self._at) + 1
        column = self._at - (self._text.rfind("\n", 0, self._at) + 1) + 1
        here = self._text[self._at : self._at + 24].split("\n")[0]
        return ValueError(f"line {line}, column {column}, at {here!r}: {message}")
