"""What the router answers, with all a client needs to show why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from aion.answer.citing.citations import Citation
from aion.answer.spans import Span
from aion.types import FinishReason, Passage, Usage

Used = Literal["local", "fallback"]
Reason = Literal[
    "confident", "low_confidence", "local_error", "forced", "fallback_off", "over_budget", "fallback_error"
]
"""Why it was answered as it was. `confident`: the local model, on trust. `low_confidence`, `local_error`,
`forced`: why the local answer was not given; the fallback wrote it, or AION said that it does not know. The
other three: why a fallback that was wanted did not write it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The contract's {"text", "used", "C"} and why.

    `passages` are those the text was written from, or the nearest where none was; `citations` which of them
    the text names, and where; `unsupported` the sentences that share too little with them. `ms` is by stage;
    `cost` in the currency of the prices; `warning` tells of an event that could not be written yet.
    """

    text: str
    used: Used
    confidence: float
    reason: Reason
    passages: tuple[Passage, ...]
    model: str
    citations: tuple[Citation, ...] = ()
    unsupported: tuple[Span, ...] = ()
    usage: Usage = field(default_factory=lambda: Usage(0, 0))
    finish: FinishReason = "stop"
    adapter: str = ""
    conversation: str = ""
    event_id: int = 0
    cost: float = 0.0
    ms: dict[str, float] = field(default_factory=dict)
    warning: str = ""

    @property
    def cited(self) -> tuple[int, ...]:
        """The numbers of the passages that the text names, each once, in order of first use."""
        return tuple(dict.fromkeys(citation.n for citation in self.citations))
