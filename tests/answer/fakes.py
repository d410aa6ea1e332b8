"""A retriever that found what the test says, and a generator that says what the test wrote."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from aion.rag.retrieve import Retriever
from aion.types import (
    AdapterChoice,
    Delta,
    Filters,
    Finished,
    GenerationEvent,
    Message,
    Passage,
    Priority,
    Retrieval,
    Sampling,
    ToolUse,
    Usage,
)


def passage(n: int, cosine: float = 0.8, source: str | None = None, text: str | None = None) -> Passage:
    return Passage(
        n, 100 + n, 10 + n, f"guia-{n}.md" if source is None else source, "Guia", text or f"Texto {n}.", n,
        0.9 - n / 100, cosine, 2.0,
    )  # fmt: skip


class FakeRetriever(Retriever):
    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = tuple(passages)
        self.asked: list[tuple[str, str]] = []

    def retrieve(
        self,
        tenant: str,
        question: str,
        k_nearest: int = 24,  # noqa: ARG002
        k: int = 8,  # noqa: ARG002
        filters: Filters | None = None,  # noqa: ARG002
    ) -> Retrieval:
        self.asked.append((tenant, question))
        return Retrieval(question, self.passages, 1.5)


class FakeGenerator:
    """`Generator` that plays a script: pieces of text, a Finished of its own, or an error to raise.

    A token is a word.
    """

    model_name = "fake"

    def __init__(self, *script: str | GenerationEvent | Exception, n_ctx: int = 2048) -> None:
        self._script = script
        self.n_ctx = self.n_ctx_effective = n_ctx
        self.prompts: list[Sequence[Message]] = []
        self.samplings: list[Sampling] = []
        self.adapters: list[Sequence[AdapterChoice] | None] = []
        self.n_open = 0

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(m.content.split()) for m in messages)

    async def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        adapters: Sequence[AdapterChoice] | None = None,
        *,
        priority: Priority = "interactive",  # noqa: ARG002
        timeout_s: float | None = None,  # noqa: ARG002
        tools: ToolUse | None = None,  # noqa: ARG002
    ) -> AsyncGenerator[GenerationEvent, None]:
        self.prompts.append(messages)
        self.samplings.append(sampling)
        self.adapters.append(adapters)
        self.n_open += 1
        try:
            for item in self._script:
                if isinstance(item, Exception):
                    raise item
                yield Delta(item) if isinstance(item, str) else item
                if isinstance(item, Finished):
                    return
            yield Finished("stop", Usage(self.count_tokens(messages), len(self._script)))
        finally:
            self.n_open -= 1
