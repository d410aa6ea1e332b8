"""GBNF expressions for JSON strings: characters, literals, formats, and simple patterns.

A pattern is read as ECMAScript's `u` mode has it, ASCII classes; what may stand before and after an
unanchored one is any text. Knows no schema.
"""

from __future__ import annotations

import json
import re

from aion.engine.gbnf import MAX_REPEATS

Ranges = list[tuple[int, int]]

# every character JSON takes as it is; surrogates are none
PLAIN = r"[ !#-\[\]-\uD7FF\uE000-\U0010FFFF]"
CHAR = rf'{PLAIN} | "\\" (["\\/bfnrt] | "u" ([0-9A-Ca-cEFef] [0-9A-Fa-f]{{3}} | [Dd] [0-7] [0-9A-Fa-f]{{2}}))'

_DAY_31 = '("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01])'
_DAY_30 = '("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30")'
_DAY_28 = '"02-" ("0" [1-9] | "1" [0-9] | "2" [0-8])'
_DATE = f'[12] [0-9]{{3}} "-" ({_DAY_31} | {_DAY_30} | {_DAY_28})'
_HOUR_MINUTE = '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]'
_TIME = f'{_HOUR_MINUTE} ":" [0-5] [0-9] ("." [0-9]{{1,6}})? ("Z" | [+-] {_HOUR_MINUTE})'
_BYTE = '("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9]{2} | [1-9]? [0-9])'
_HEX = "[0-9a-f]"
_LABEL = "[a-z0-9] ([a-z0-9-]{0,20} [a-z0-9])?"
FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": f'{_DATE} "T" {_TIME}',
    "uuid": f'{_HEX}{{8}} "-" {_HEX}{{4}} "-" {_HEX}{{4}} "-" {_HEX}{{4}} "-" {_HEX}{{12}}',
    "ipv4": f'{_BYTE} ("." {_BYTE}){{3}}',
    "email": f'[A-Za-z0-9] [A-Za-z0-9_+-]{{0,40}} "@" {_LABEL} "." [a-z]{{2,10}}',
}

_SPECIAL = {ord("\n"): r'"\\n"', ord("\r"): r'"\\r"', ord("\t"): r'"\\t"', 0x22: r'"\\\""', 0x5C: r'"\\\\"'}
_ALLOWED: Ranges = [(0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF), (0xE000, 0x10FFFF)]
_DIGITS: Ranges = [(0x30, 0x39)]
_WORDS: Ranges = [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]
_SPACES: Ranges = [(9, 10), (13, 13), (0x20, 0x20)]
_CLASSES = {"d": _DIGITS, "w": _WORDS, "s": _SPACES}
_COUNT = re.compile(r"\{(\d{1,4})(,?)(\d{1,4})?\}")


def literal(text: str) -> str:
    """A GBNF literal of `text`."""
    escaped = (f"\\{c}" if c in '"\\' else c if c >= " " else f"\\x{ord(c):02X}" for c in text)
    return f'"{"".join(escaped)}"'


def json_literal(value: object) -> str:
    """A GBNF literal of a JSON value as Python's json writes it."""
    return literal(json.dumps(value, ensure_ascii=False, allow_nan=False))


def pattern(source: str) -> str:
    """The inside of a JSON string that `source` matches; `char` is the rule of one character. Raises
    ValueError, naming it, for what cannot be said in a grammar."""
    return _Pattern(source).expression()


class _Pattern:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._depth = 0

    def expression(self) -> str:
        found = self._alternatives()
        if self._at < len(self._source):
            raise ValueError(f"a ')' too many at character {self._at}")
        return found

    def _alternatives(self) -> str:
        found = [self._sequence()]
        while self._take("|"):
            found.append(self._sequence())
        return " | ".join(found)

    def _sequence(self) -> str:
        """One alternative; only outside of groups may it be anchored."""
        parts = [] if self._depth else ["char*"]
        if not self._depth and self._take("^"):
            parts = []
        is_open = not self._depth
        while self._at < len(self._source) and self._source[self._at] not in "|)":
            if not self._depth and self._source[self._at] == "$":
                self._at += 1
                is_open = False
                break
            parts.append(self._atom() + self._count())
        if is_open:
            parts.append("char*")
        return " ".join(parts) or '""'

    def _atom(self) -> str:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return _characters(self._class())
        if char == ".":
            return _characters(_without([(10, 10), (13, 13)]))
        if char == "\\":
            return _characters(self._escape())
        if char in "^$*+?{":
            raise ValueError(f"{char!r} at character {self._at - 1}")
        return _characters([(ord(char), ord(char))])

    def _group(self) -> str:
        if self._take("?") and not self._take(":"):
            raise ValueError(f"the group (?{self._source[self._at : self._at + 2]}...)")
        self._depth += 1
        inner = self._alternatives()
        self._depth -= 1
        if not self._take(")"):
            raise ValueError("a '(' that is not closed")
        return f"({inner})"

    def _class(self) -> Ranges:
        negated, found = self._take("^"), Ranges()
        while not self._take("]"):
            first = self._class_item()
            is_range = self._source.startswith("-", self._at) and not self._source.startswith("-]", self._at)
            if is_range and len(first) == 1 and first[0][0] == first[0][1]:
                self._at += 1
                last = self._class_item()
                first = [(first[0][0], last[-1][1])]
            found += first
        return _without(found) if negated else found

    def _class_item(self) -> Ranges:
        char = self._next()
        return self._escape() if char == "\\" else [(ord(char), ord(char))]

    def _escape(self) -> Ranges:
        char = self._next()
        if char.lower() in _CLASSES:
            ranges = _CLASSES[char.lower()]
            return ranges if char.islower() else _without(ranges)
        if char in "xu":
            n = 2 if char == "x" else 4
            code = int(self._source[self._at : self._at + n], 16)
            self._at += n
        elif char in "ntr":
            code = ord({"n": "\n", "t": "\t", "r": "\r"}[char])
        elif char.isalnum():
            raise ValueError(f"the escape \\{char}")
        else:
            code = ord(char)
        return [(code, code)]

    def _count(self) -> str:
        found = _COUNT.match(self._source, self._at)
        if found:
            self._at = found.end()
            least, most = int(found[1]), int(found[3] or found[1])
            if not least <= most <= MAX_REPEATS or (found[3] and not found[2]):
                raise ValueError(f"the count {found[0]}")
            count = f"{{{least}{found[2]}{found[3] or ''}}}"
        else:
            count = next((sign for sign in "*+?" if self._take(sign)), "")
        if count:
            self._take("?")
        return count

    def _next(self) -> str:
        if self._at >= len(self._source):
            raise ValueError("an end in the middle")
        self._at += 1
        return self._source[self._at - 1]

    def _take(self, char: str) -> bool:
        found = self._source.startswith(char, self._at)
        self._at += found
        return found


def _without(ranges: Ranges) -> Ranges:
    """Every character but these."""
    found, start = Ranges(), 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return [*found, (start, 0x10FFFF)] if start <= 0x10FFFF else found


def _characters(ranges: Ranges) -> str:
    """One of these characters as JSON writes them. Raises ValueError when it can write none."""
    found = [
        (max(low, a), min(high, b))
        for low, high in ranges
        for a, b in _ALLOWED
        if max(low, a) <= min(high, b)
    ]
    parts = [f"[{''.join(f'{_hex(a)}-{_hex(b)}' for a, b in found)}]"] if found else []
    parts += [text for code, text in _SPECIAL.items() if any(low <= code <= high for low, high in ranges)]
    if not parts:
        raise ValueError("a control character or an empty class")
    return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"


def _hex(code: int) -> str:
    return f"\\U{code:08X}"
