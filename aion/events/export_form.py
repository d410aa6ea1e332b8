"""What a form of export gives: a row an event, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Masked:
    """Texts without personal data, in the order they were given, and how much of which kind was masked."""

    texts: tuple[str, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


Mask = Callable[[Sequence[str]], Masked]
"""Masks the texts of one row together: what is the same in two of them gets the same placeholder."""


@dataclass(frozen=True, slots=True)
class Row:
    """The line of one event, `content` without its id; None where the event is left out, and why."""

    id: int
    content: Mapping[str, object] | None
    left_out: str = ""
    masked: Mapping[str, int] = field(default_factory=dict)


class Form(Protocol):
    """Makes rows. `options` say how they are chosen: a file keeps to one set of them."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Mapping[str, object]: ...

    def new(self, tenant: str, after: int, upto: int) -> Iterator[Row]:
        """The rows of the events with ids in (after, upto], in order."""
        ...

    def changed(self, tenant: str, after: int, upto: int) -> Iterator[Row]:
        """The rows of earlier events that events in (after, upto] have changed, as they are now."""
        ...
