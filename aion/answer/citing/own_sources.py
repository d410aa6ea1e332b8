"""Cuts the list of sources that a model writes at the end of its answer, for AION writes that line itself.

`Fontes: [1] preços.md`, `**Sources**` with a list under it, `Referências:`, footnotes (`[^1]: preços.md`) ...
A fountain is a "fonte" too, so what follows the heading decides: numbers in brackets, file names, addresses,
names of passages. Prose after the list is shown again, on its line too ("Custa 14 €. Fonte: [1]. Abre às
9h."). Knows prose only, a character at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import product
from typing import Literal

from aion.answer.citing.marks import CLOSING, OPENING

_HEADS = (
    "fontes", "fonte", "sources", "source", "referências", "referencias", "referência", "referencia",
    "references", "reference", "bibliografia", "bibliography", "citações", "citations", "works cited",
)  # fmt: skip
_ADDED = (
    "", " consultadas", " citadas", " utilizadas", " usadas", " bibliográficas", " used", " cited",
    " consulted", " e referências", " and references",
)  # fmt: skip
_HEADINGS = sorted(map("".join, product(_HEADS, _ADDED)), key=len, reverse=True)
_DECORATION = " \t#>*_-•`"
_EMPHASIS = " \t*_`"
_MAX_DECORATION = 8
_SENTENCE_ENDS = ".!?…)]】］*"
_NUMBERED = re.compile(rf"[{re.escape(OPENING)}][\s^]*(?:[^\W\d_]+[\s.:]*)?[0-9]")
_MAY_BE_NUMBERED = re.compile(rf"[{re.escape(OPENING)}][\s^]*(?:[^\W\d_]{{1,10}}[\s.:]*)?")
_LISTED = re.compile(r"(?:[-*•–+]|[0-9]{1,2}[.)])[ \t]+")
_MAY_BE_LISTED = re.compile(r"(?:[-*•–+]|[0-9]{1,2}[.)]?)[ \t]*")
_NOTE = re.compile(r"\[\^?[0-9]{1,3}\]:")
_MAY_BE_NOTE = re.compile(r"\[\^?[0-9]{0,3}\]?")
_TYPES = r"\.(?:md|txt|pdf|docx?|html?|xlsx?|csv|tsv|pptx?|epub|eml|od[tsp]|rtf|jsonl?)\b"
_FILE = re.compile(rf"(?:https?://|www\.)|[^\s/]{_TYPES}", re.IGNORECASE)
_ENTRY_ENDS = re.compile(rf"(?:[{re.escape(CLOSING)}]|{_TYPES})[*_]*[.!]\s\Z", re.IGNORECASE)
_ENTRY_END_CHARS = 10
_MAX_ENTRY_CHARS = 200
_MIN_NAME_CHARS = 2

# The same in an answer that is whole already: a heading on its own line, numbers in brackets from there on.
NUMBERED_LIST = re.compile(
    rf"\n[{re.escape(_DECORATION)}]{{0,{_MAX_DECORATION}}}(?:{'|'.join(_HEADINGS)})[ \t*_`]{{0,4}}(?::|\n)"
    rf"[\s*_]{{0,8}}(?:{_LISTED.pattern})?{_NUMBERED.pattern}.*\Z",
    re.DOTALL | re.IGNORECASE,
)

Verdict = Literal["yes", "no", "open"]


class SourcesCut:
    """Characters in, the text without the list out; `cut` is what was taken away. What may be such a heading
    waits until that is known, so nothing is ever taken back. An answer never begins with its sources."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = tuple(name.casefold() for name in names if len(name) >= _MIN_NAME_CHARS)
        self.cut = ""
        self._state: Callable[[str], str] = self._in_prose
        self._held = ""
        self._last = ""  # the last character but blanks that went through
        self._blanks = ""  # those after it, which go with what follows
        self._n_heading = 0  # characters of `_held` that are the heading
        self._has_own_line = True  # the heading
        self._is_block = False  # the first entry stood under the heading, not beside it
        self._is_listed_apart = False  # a blank line came since the last entry
        self._is_mid_line = False  # an entry ended, its line goes on

    def push(self, character: str) -> str:
        """One character of prose; what can go on."""
        return self._state(character)

    def takes(self, code: str) -> bool:
        """Whether a piece of code is to be pushed as well: a span in what may be the list ("- `guia.md`")."""
        is_span = code.startswith("`") and code.strip("`") != ""
        return is_span and self._state in (self._in_entry, self._in_list, self._in_rest)

    def interrupt(self) -> str:
        """What waits, when other code comes: that is no part of a list of sources."""
        was_cutting = self._state in (self._in_list, self._in_rest)
        out = self.finish()
        if was_cutting and not out:
            out = self._gone_on() or "\n\n"
        self._last = "`"
        return out

    def finish(self) -> str:
        """What waited and is no list of sources."""
        state, held = self._state, self._held
        self._state, self._held = self._in_prose, ""
        if state == self._in_entry and self._ends_as_source(held):
            self.cut += held
        elif state == self._in_list:
            if self._line_verdict(held, ended=True) == "no":
                return self._resumed(held) + self.finish()
            self.cut += held
        elif state != self._in_rest:
            return self._passed(held) + self._gone_on()
        return ""

    def _in_prose(self, character: str) -> str:
        has_own_line = "\n" in self._blanks
        after_sentence = bool(self._blanks) and self._last in _SENTENCE_ENDS
        if self._last and not character.isspace() and (has_own_line or after_sentence):
            self._has_own_line = has_own_line
            self._held, self._state = "", self._in_heading
            return self._in_heading(character)
        return self._passed(character)

    def _in_heading(self, character: str) -> str:
        self._held += character
        verdict = _heading_verdict(self._held, has_own_line=self._has_own_line)
        if verdict == "yes":
            self._is_block = self._held.endswith("\n")
            self._n_heading, self._state = len(self._held), self._in_entry
        return self._released() if verdict == "no" else ""

    def _in_entry(self, character: str) -> str:
        """After a heading: its first entry tells whether they are sources."""
        self._held += character
        entry = self._held[self._n_heading :].lstrip(_DECORATION + "\n")
        self._is_block |= character == "\n" and not entry
        bare = entry[match.end() :] if (match := _LISTED.match(entry)) else entry
        if _NUMBERED.match(bare):
            return self._begin_list()
        if entry and character == "\n":
            return self._begin_list() if self._is_source(bare) else self._released()
        return self._released() if len(entry) > _MAX_ENTRY_CHARS else ""

    def _begin_list(self) -> str:
        self.cut += self._held
        ended = self._held.endswith("\n")
        self._held, self._is_listed_apart, self._is_mid_line = "", False, False
        self._state = self._in_list if ended else self._in_rest
        return ""

    def _in_rest(self, character: str) -> str:
        """The rest of a line that is an entry."""
        self.cut += character
        if character == "\n" or _ENTRY_ENDS.search(self.cut[-_ENTRY_END_CHARS:]):
            self._held, self._state, self._is_mid_line = "", self._in_list, character != "\n"
        return ""

    def _in_list(self, character: str) -> str:
        """The beginning of a line after an entry, or of a sentence after one on its line."""
        self._held += character
        if not self._held.strip():
            if character == "\n":
                self.cut += self._held
                self._held, self._is_listed_apart = "", not self._is_mid_line
                self._is_mid_line = False
            return ""
        verdict = self._line_verdict(self._held, ended=character == "\n")
        if verdict == "yes":
            return self._begin_list()
        return self._resumed(self._held) if verdict == "no" else ""

    def _line_verdict(self, line: str, *, ended: bool) -> Verdict:
        """Whether a line after an entry is one more."""
        entry = line.strip()
        listed = _LISTED.match(line.lstrip())
        bare = (line.lstrip()[listed.end() :] if listed else line.lstrip()).lstrip(_EMPHASIS)
        if not entry or _NUMBERED.match(bare):
            return "yes"
        if listed and bare and self._is_block and not self._is_listed_apart:
            return "yes"
        if not ended and (
            not bare.strip() or _MAY_BE_NUMBERED.fullmatch(bare) or _MAY_BE_LISTED.fullmatch(line.lstrip())
        ):
            return "open"
        if ended:
            return "yes" if self._is_source(bare) else "no"
        return "no" if len(entry) > _MAX_ENTRY_CHARS else "open"

    def _is_source(self, entry: str) -> bool:
        """Whether an entry without a number names a source, and says nothing more than a name would."""
        plain = entry.strip(_EMPHASIS + "\"'“”«».\n").casefold()
        if any(plain.startswith(name) for name in self._names):
            return True
        return _FILE.search(plain) is not None

    def _ends_as_source(self, held: str) -> bool:
        entry = held[self._n_heading :].strip(_DECORATION + "\n")
        if not entry:
            return self._has_own_line
        bare = entry[match.end() :] if (match := _LISTED.match(entry)) else entry
        return _MAY_BE_NUMBERED.fullmatch(bare) is not None or self._is_source(bare)

    def _resumed(self, line: str) -> str:
        """Prose after the list; it may end in another."""
        self._held, self._state = "", self._in_prose
        is_paragraph = not self._has_own_line and _LISTED.match(line.lstrip()) is None
        least = "\n\n" if self._is_listed_apart or is_paragraph else "\n"
        if not self._is_mid_line and least not in self._blanks:
            self._blanks = least
        return "".join(self._state(character) for character in line)

    def _released(self) -> str:
        held, self._held, self._state = self._held, "", self._in_prose
        return self._passed(held)

    def _passed(self, text: str) -> str:
        """The text but for blanks at its end, which wait, behind those that waited."""
        solid = text.rstrip()
        if not solid:
            self._blanks += text
            return ""
        out, self._blanks, self._last = self._blanks + solid, text[len(solid) :], solid[-1]
        return out

    def _gone_on(self) -> str:
        blanks, self._blanks = self._blanks, ""
        return blanks


def _heading_verdict(held: str, *, has_own_line: bool) -> Verdict:
    bare = held.lstrip(_DECORATION if has_own_line else "*_").casefold()
    if has_own_line and _MAY_BE_NOTE.match(bare):
        return "yes" if _NOTE.match(bare) else "open" if _MAY_BE_NOTE.fullmatch(bare) else "no"
    if len(held) - len(bare) > _MAX_DECORATION:
        return "no"
    if any(heading.startswith(bare) for heading in _HEADINGS):
        return "open"
    for heading in _HEADINGS:
        if bare.startswith(heading):
            rest = bare[len(heading) :].strip(_EMPHASIS)
            if rest == ":" or (rest == "\n" and has_own_line):
                return "yes"
            return "no" if rest else "open"
    return "no"
