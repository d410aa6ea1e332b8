"""One answer in the making: what was found, what was tried, what has been written so far."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from aion.answer.answer import Answer, Reason, Used
from aion.answer.citing.citations import Citation
from aion.answer.honest import HonestReason
from aion.answer.paid.fallback import PaidAnswer, Refusal
from aion.answer.paid.tries import Sent
from aion.answer.prompt import Language
from aion.answer.question import Question
from aion.answer.spans import Span
from aion.types import Finished, FinishReason, Message, Passage, Retrieval, Usage


@dataclass(slots=True)
class Work:
    """Mutable, of one task. `is_shown` says that a reader sees the text as it comes, `has_begun` that
    some of it came, `is_recorded` that the log has it all. `trigger` is why the
    local model was not trusted, None while it is; `refused` why the fallback did not answer either; `errors`
    are what the two said that failed, `sent` is what left the machine."""

    question: Question
    conversation: str
    history: Sequence[Message]
    language: Language
    retrieval: Retrieval
    confidence: float
    tau: float
    model: str
    is_shown: bool = True
    trigger: HonestReason | None = None
    refused: HonestReason | None = None
    errors: list[str] = field(default_factory=list)
    used: Used = "local"
    passages: tuple[Passage, ...] = ()
    n_sent: int = 0
    text: str = ""
    citations: tuple[Citation, ...] = ()
    unsupported: tuple[Span, ...] = ()
    usage: Usage = field(default_factory=lambda: Usage(0, 0))
    finish: FinishReason = "stop"
    adapter: str = ""
    sent: Sent = field(default_factory=Sent)
    ms: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    has_begun: bool = False
    is_recorded: bool = False

    @property
    def reason(self) -> Reason:
        """Why the fallback did not answer, else why it was asked, else that none was needed."""
        return self.refused or self.trigger or "confident"

    def lap(self, stage: str, since: float) -> None:
        """Note the milliseconds of a stage, from `since`, a time.monotonic(), to now."""
        self.ms[stage] = round((time.monotonic() - since) * 1000, 1)

    def refuse(self, refusal: Refusal) -> None:
        """Note why no paid model answers. That it is off, as usual, is told only where it was forced."""
        self.errors.append(refusal.sentence)
        if refusal.reason != "fallback_off" or self.trigger == "forced":
            self.refused = refusal.reason

    def written_by(self, end: Finished | PaidAnswer) -> None:
        """Note whose text it is; a model that wrote none is not named."""
        self.finish, self.usage = end.reason, end.usage
        if isinstance(end, PaidAnswer):
            self.used, self.model = "fallback", end.model
        else:
            self.adapter = end.adapter

    def answer(self) -> Answer:
        """As it stands, before it is on record."""
        return Answer(
            text=self.text,
            used=self.used,
            confidence=self.confidence,
            reason=self.reason,
            passages=self.passages,
            model=self.model,
            citations=self.citations,
            unsupported=self.unsupported,
            usage=self.usage,
            finish=self.finish,
            adapter=self.adapter,
            conversation=self.conversation,
            cost=self.sent.cost_micros / 1e6,
            ms=self.ms,
        )
