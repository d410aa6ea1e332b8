"""One generation in the engine: its tokens, how far it has come, where its events go.

Only the engine thread touches a Sequence after it was submitted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from aion.engine.adapter import NO_EFFECT, Effect
from aion.engine.detokenizer import Detokenizer
from aion.engine.lookup import Acceptance, PromptLookup
from aion.engine.sampler import Sampler
from aion.types import Delta, ErrorCause, Finished, FinishReason, GenerationEvent, Priority, Sampling, Usage

Sink = Callable[[GenerationEvent], None]

_ids = itertools.count(1)


@dataclass(slots=True, eq=False)
class Sequence:
    """Invariant: `n_past` tokens of `tokens` are in the KV cache of `slot`, the first `n_cached` of them
    computed for others before; the sink gets any number of Delta and exactly one Finished. It has lost its
    slot `n_preempted` times to others, and while it waited to be prefilled, `n_overtaken` tokens of
    other prompts were."""

    prompt: list[int]
    sampling: Sampling
    sink: Sink
    detokenizer: Detokenizer
    effect: Effect = NO_EFFECT
    id: int = field(default_factory=lambda: next(_ids))
    tokens: list[int] = field(default_factory=list)
    n_past: int = 0
    n_cached: int = 0
    slot: int | None = None
    sampler: Sampler | None = None
    priority: Priority = "interactive"
    n_preempted: int = 0
    n_overtaken: int = 0
    finished: bool = False
    lookup: PromptLookup = field(default_factory=PromptLookup)
    acceptance: Acceptance = field(default_factory=Acceptance)

    def __post_init__(self) -> None:
        self.tokens = list(self.prompt)

    @property
    def n_completion(self) -> int:
        return len(self.tokens) - len(self.prompt)

    @property
    def n_reserved(self) -> int:
        """KV cells the sequence may need in all: its prompt and its longest answer."""
        return len(self.prompt) + self.sampling.max_new_tokens

    @property
    def is_batch(self) -> bool:
        """Whether nobody waits for it."""
        return self.priority == "batch"

    @property
    def has_begun(self) -> bool:
        """Whether it has been admitted, now or before."""
        return self.slot is not None or self.n_preempted > 0

    @property
    def is_decoding(self) -> bool:
        """Whether just the last token is missing from the KV cache."""
        return self.n_past == len(self.tokens) - 1

    def emit(self, text: str, n_tokens: int = 1, *, is_last: bool = False) -> None:
        """Hand text to the sink; nothing to tell is not worth an event."""
        logprobs = self.sampler.told(text, is_last=is_last) if self.sampler is not None else ()
        if text or logprobs:
            self.sink(Delta(text, n_tokens, logprobs))

    def finish(self, reason: FinishReason, error: str | None = None, cause: ErrorCause = "failed") -> None:
        """Send what was held back and the terminal event, once; free the sampler."""
        if self.finished:
            return
        self.finished = True
        if self.sampler is not None:
            self.sampler.close()
        try:
            if reason in ("stop", "length"):
                self.emit(self.detokenizer.finish(), 0, is_last=not self.detokenizer.stopped)
        finally:
            self.sink(
                Finished(
                    reason,
                    Usage(len(self.prompt), self.n_completion, self.n_cached),
                    error,
                    self.effect.label,
                    cause,
                )
            )
