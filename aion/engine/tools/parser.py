"""Reads tool calls out of an answer while it is written. Knows texts only, neither tokens nor llama.cpp.

Whatever does not come to a whole call is text, with all of its markers; nothing is ever an error. What is
told does not depend on how the answer is cut into pieces, but for where texts and arguments are cut.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Generator, Sequence

from aion.engine.tools.call import HEAD_CHARS, call_of, head_of, is_object, may_be_call, python_call_of
from aion.engine.tools.events import Arguments, CallBegins, ParseEvent, Text
from aion.engine.tools.format import ToolFormat
from aion.engine.tools.json_object import ObjectEnd

_ALPHABET = string.ascii_letters + string.digits
_SPACE = " \t\r\n"
_NAME_CHARS = 120
_NAME = re.compile(r"\s*([A-Za-z0-9_.-]{1,64})\s*(?:\[CALL_ID\][A-Za-z0-9]*\s*)?(?:\[ARGS\]\s*)?")
_PYTHON_NAME = re.compile(r"\s*[A-Za-z0-9_.-]{1,64}\.call")

Steps = Generator[None, None, bool]
"""Yields where more of the answer is needed; returns whether it found what it looked for."""


def call_id() -> str:
    """Nine letters and digits: the form that all families take."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(9))


class CallParser:
    """One answer. `push` its pieces, then `finish`.

    Invariant: what `_held` has from `_at` on was not looked at; before, it may be a part of a call.
    """

    def __init__(
        self,
        style: ToolFormat,
        names: Sequence[str],
        *,
        is_held: bool = False,
        new_id: Callable[[], str] = call_id,
    ) -> None:
        """`names` are those of the tools; a bare object is a call only under one of them. `is_held` says
        that a grammar holds calls to their form, so that arguments are told while they are written."""
        self._style = style
        self._names = frozenset(names)
        self._is_held = is_held
        self._new_id = new_id
        self._held, self._at = "", 0
        self._space = ""  # that followed a text: not told before a call or an end
        self._is_over = False
        self._told: list[ParseEvent] = []
        self.n_calls = 0
        """Calls told so far."""
        self._steps = self._answer()

    def push(self, text: str) -> list[ParseEvent]:
        """What can be told now."""
        self._held += text
        return self._go_on()

    def finish(self) -> list[ParseEvent]:
        """The rest, once nothing more comes."""
        self._is_over = True
        return self._go_on()

    def _go_on(self) -> list[ParseEvent]:
        next(self._steps, None)
        told, self._told = self._told, []
        return told

    # --- the answer, step by step --------------------------------------------------------------

    def _answer(self) -> Steps:
        if self._style.form == "bare":
            yield from self._bare_calls()
            self._at = 0
        while (yield from self._text()):
            self._at = len(self._style.opening)
            before = self.n_calls
            if not (yield from self._calls()) and self.n_calls == before:
                self._tell_text(len(self._style.opening))
            self._at = 0
        if self._space and not self.n_calls:
            self._told.append(Text(self._space))
        return True

    def _text(self) -> Steps:
        """Tell text up to the next opening; False when there is none."""
        opening = self._style.opening
        while True:
            at = self._held.find(opening) if opening else -1
            if at >= 0:
                self._tell_text(at)
                return True
            self._tell_text(len(self._held) - (0 if self._is_over else _n_begun(self._held, opening)))
            if self._is_over:
                return False
            yield

    def _calls(self) -> Steps:
        """The calls after an opening."""
        yield from self._skip_space()
        form, next_one = self._style.form, self._held[self._at : self._at + 1]
        if form == "bare":
            return (yield from self._bare_calls()) or (yield from self._python_call())
        if form == "tagged":
            if not (yield from self._object()):
                return False
            yield from self._skip_space()
            if (yield from self._literal(self._style.closing)):
                self._commit()
            return True
        if next_one == "[":
            return (yield from self._list(only_known=False))
        if next_one == "{":
            return (yield from self._object())
        return (yield from self._named_call())

    def _bare_calls(self) -> Steps:
        """Objects one after the other, each under the name of a tool, or a list of such."""
        yield from self._skip_space()
        if self._held.startswith("[", self._at):
            return (yield from self._list(only_known=True))
        before = self.n_calls
        while (yield from self._object(only_known=True)):
            yield from self._skip_space(_SPACE + ";,")
        return self.n_calls > before

    def _list(self, *, only_known: bool) -> Steps:
        self._at += 1
        while True:
            yield from self._skip_space()
            if not (yield from self._object(only_known=only_known)):
                return False
            yield from self._skip_space()
            if not (yield from self._literal(",")):
                break
        if (yield from self._literal("]")):
            self._commit()
        return True

    def _object(self, *, only_known: bool = False) -> Steps:
        """A call as an object. Told as soon as it is sure to be one."""
        end, scanned = ObjectEnd(), self._at
        while not self._held.startswith("{", self._at):
            if self._is_over or len(self._held) > self._at:
                return False
            yield
        while True:
            start = self._at
            if only_known and not may_be_call(self._held[start : start + HEAD_CHARS]):
                return False
            if self._is_held and (head := head_of(self._held[start : start + HEAD_CHARS])):
                if only_known and head.name not in self._names:
                    return False
                self._begin(head.name, start + head.n_chars)
                yield from self._arguments()
                return (yield from self._rest_of_object())
            n = end.push(self._held[scanned:])
            if n is not None:
                return self._tell_whole(scanned + n, only_known=only_known)
            scanned = len(self._held)
            if self._is_over:
                return False
            yield

    def _named_call(self) -> Steps:
        """A name, and its arguments as an object."""
        start = self._at
        while (at := self._held.find("{", start, start + _NAME_CHARS)) < 0:
            if self._is_over or len(self._held) - start >= _NAME_CHARS:
                return False
            yield
        found = _NAME.fullmatch(self._held, start, at)
        if found is None:
            return False
        if self._is_held:
            self._begin(found[1], at)
            return (yield from self._arguments())
        end, scanned = ObjectEnd(), at
        while (n := end.push(self._held[scanned:])) is None:
            scanned = len(self._held)
            if self._is_over:
                return False
            yield
        arguments = self._held[at : scanned + n]
        if not is_object(arguments):
            return False
        self._begin(found[1], scanned + n)
        self._told.append(Arguments(self.n_calls - 1, arguments))
        return True

    def _python_call(self) -> Steps:
        """Held until the answer ends: only then is it known to be one."""
        start = self._at
        while (at := self._held.find("(", start, start + _NAME_CHARS)) < 0:
            if self._is_over or len(self._held) - start >= _NAME_CHARS:
                return False
            yield
        if not _PYTHON_NAME.fullmatch(self._held, start, at):
            return False
        while not self._is_over:
            yield
        call = python_call_of(self._held[start:])
        if call is None or call.name not in self._names:
            return False
        self._begin(call.name, len(self._held))
        self._told.append(Arguments(self.n_calls - 1, call.arguments))
        return True

    # --- a call that is being told ---------------------------------------------------------------

    def _begin(self, name: str, n_chars: int) -> None:
        """Tell that a call begins; the first `n_chars` held are its own and done with."""
        self._space = ""
        self._told.append(CallBegins(self.n_calls, self._new_id(), name))
        self.n_calls += 1
        self._at = n_chars
        self._commit()

    def _arguments(self) -> Steps:
        """Tell the object that is held from its first brace on, as it comes."""
        end = ObjectEnd()
        while True:
            n = end.push(self._held)
            piece = self._held if n is None else self._held[:n]
            if piece:
                self._told.append(Arguments(self.n_calls - 1, piece))
            self._at = len(piece)
            self._commit()
            if n is not None or self._is_over:
                return True
            yield

    def _rest_of_object(self) -> Steps:
        """Pass over what an object has after its arguments."""
        end = ObjectEnd(depth=1)
        while True:
            n = end.push(self._held)
            self._at = len(self._held) if n is None else n
            self._commit()
            if n is not None or self._is_over:
                return True
            yield

    def _tell_whole(self, end: int, *, only_known: bool) -> bool:
        """Tell the object that is held up to `end`, if it is a call."""
        call = call_of(self._held[self._at : end])
        if call is None or (only_known and call.name not in self._names):
            return False
        self._begin(call.name, end)
        self._told.append(Arguments(self.n_calls - 1, call.arguments))
        return True

    # --- what is held ------------------------------------------------------------------------------

    def _commit(self) -> None:
        self._held, self._at = self._held[self._at :], 0

    def _tell_text(self, n_chars: int) -> None:
        text, self._held = self._space + self._held[:n_chars], self._held[n_chars:]
        shown = text.rstrip(_SPACE)
        self._space = text[len(shown) :]
        if shown:
            self._told.append(Text(shown))

    def _skip_space(self, characters: str = _SPACE) -> Generator[None, None, None]:
        while True:
            rest = self._held[self._at :]
            self._at += len(rest) - len(rest.lstrip(characters))
            if self._at < len(self._held) or self._is_over:
                return
            yield

    def _literal(self, text: str) -> Steps:
        """Pass over `text` where it comes next."""
        while True:
            there = self._held[self._at : self._at + len(text)]
            if there == text:
                self._at += len(text)
                return True
            if self._is_over or not text.startswith(there):
                return False
            yield


def _n_begun(text: str, marker: str) -> int:
    """Length of the longest end of `text` that may begin `marker`."""
    longest = min(len(marker) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if text.endswith(marker[:n])), 0)
