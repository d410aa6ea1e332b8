"""What a parser of tool calls tells: text, a call that begins, a piece of its arguments."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer that is no call."""

    text: str


@dataclass(frozen=True, slots=True)
class CallBegins:
    """Call `index`, counted from 0, of the tool `name`; its id is nine letters and digits."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """The next piece of a call's arguments, JSON as text."""

    index: int
    text: str


ParseEvent = Text | CallBegins | Arguments
