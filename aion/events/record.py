"""What is remembered of an answer, and what comes back when it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

TAG = "rag-answer"


@dataclass(frozen=True, slots=True)
class FallbackRecord:
    """A paid call, or one that was wanted and not made: `wanted` says why, `reason` is that of the answer,
    `error` tells all that failed; `payload` is exactly what left the machine. The cost is in millionths of
    the prices' currency."""

    reason: str
    model: str = ""
    cost_micros: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    payload: object = None
    error: str | None = None
    wanted: str = ""

    def meta(self, prompt: str) -> dict[str, object]:
        """As the `fallback` event has it."""
        whole: dict[str, object] = {
            "reason": self.reason,
            "wanted": self.wanted or self.reason,
            "prompt": prompt,
            "model": self.model,
            "cost_micros": self.cost_micros,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "payload": self.payload,
            "tag": TAG,
        }
        return whole if self.error is None else whole | {"error": self.error}


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """Why an answer was given, beside its retrieval.

    `prompt` is the user's message, `n_sent` how many of the passages the model read. `citations` are
    (n, start, end) and `unsupported` (start, end), offsets into `reply`. `ms` is by stage. `fallback` is
    there where a paid API was called or wanted. `asker` is the id of the key it was asked with, "" without.
    """

    prompt: str
    reply: str
    source: Literal["local", "fallback"]
    confidence: float
    confidence_method: str
    tau: float
    reason: str
    model: str
    adapter: str = ""
    language: str = ""
    cited: tuple[int, ...] = ()
    citations: tuple[tuple[int, int, int], ...] = ()
    unsupported: tuple[tuple[int, int], ...] = ()
    ms: Mapping[str, float] = field(default_factory=dict)
    n_prompt: int = 0
    n_completion: int = 0
    n_sent: int = 0
    fallback: FallbackRecord | None = None
    conversation: str | None = None
    asker: str = ""

    def meta(self) -> dict[str, object]:
        """As the `answer` event has it, but for the ids of the events beside it."""
        return {
            "prompt": self.prompt,
            "reply": self.reply,
            "rank": 1,
            "source": self.source,
            "C": self.confidence,
            "confidence_method": self.confidence_method,
            "tau": self.tau,
            "reason": self.reason,
            "model": self.model,
            "adapter": self.adapter,
            "language": self.language,
            "cited": list(self.cited),
            "citations": [{"n": n, "start": start, "end": end} for n, start, end in self.citations],
            "unsupported": [{"start": start, "end": end} for start, end in self.unsupported],
            "ms": dict(self.ms),
            "n_prompt": self.n_prompt,
            "n_completion": self.n_completion,
            "n_sent": self.n_sent,
            **({"asker": self.asker} if self.asker else {}),
        }


@dataclass(frozen=True, slots=True)
class Recorded:
    """The id of an event that is on disk. 0 with a `warning` for the operator: it is not there yet, and
    nothing can refer to it meanwhile; or it could not be kept."""

    event_id: int
    warning: str = ""
