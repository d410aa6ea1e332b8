"""What other threads tell the engine thread: small frozen dataclasses in one mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aion.engine.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Add:
    sequence: Sequence


@dataclass(frozen=True, slots=True)
class Abort:
    sequence_id: int


@dataclass(frozen=True, slots=True)
class Late:
    """The time of a sequence is over: "busy" that for waiting, "timeout" that for all of it."""

    sequence_id: int
    cause: Literal["busy", "timeout"]
    error: str


@dataclass(frozen=True, slots=True)
class Free:
    """Some adapter was retired."""


@dataclass(frozen=True, slots=True)
class Close:
    pass


Message = Add | Abort | Late | Free | Close
