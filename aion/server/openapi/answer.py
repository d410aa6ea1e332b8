"""What a route answers, for those who read of it. Nothing is built with these shapes: the tests hold what the
routes send against them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

ABSENT: Any = None
"""The default of a field that may be absent."""


class Shape(BaseModel):
    """An object in an answer."""


@dataclass(frozen=True, slots=True)
class Event:
    """A server-sent event: its name ("" where it has none, "*" where it is its type), and its data, an object
    or this very text."""

    name: str
    data: type[Shape] | str


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which a route answers. `shape` None: a body that no schema describes, or, with
    `media_type` "", none at all. `events` are those of a stream."""

    status: int
    told: str
    shape: type[Shape] | None = None
    media_type: str = "application/json"
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """All ways in which a route answers; `errors` are the statuses of the failures that not every route with
    such a role and such a body has; `about` is what a reader should know of the route."""

    good: tuple[Answer, ...] = ()
    errors: tuple[int, ...] = ()
    about: str = ""


UNTOLD = Answers()
