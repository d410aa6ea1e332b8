"""One question, one path: retrieve, judge, answer locally or say that the documents do not hold it.

The contract's section 4. The paid fallback has its place here and is off: nothing leaves the machine.
Knows no HTTP and no SQL; storage and model come in as arguments.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from aion.answer.citations import CitationFilter
from aion.answer.confidence import mean_cosine_confidence
from aion.answer.history import MAX_SHARE, last_turns
from aion.answer.prompt import DEFAULT_SOURCE, rag_context, rag_prompt, sources_line, with_context
from aion.errors import AionError, EngineBusy, EngineFailed, InvalidRequest
from aion.events.log import EventLog
from aion.rag.follow_up import rewrite
from aion.rag.retrieve import Retriever
from aion.types import AdapterChoice, Delta, Finished, Generator, Message, Passage, Retrieval, Sampling, Usage

Reason = Literal["confident", "low_confidence", "local_error", "forced", "fallback_off"]

MAX_NEW_TOKENS = 512
_SAMPLING = Sampling(
    temperature=0.5, top_p=0.9, max_new_tokens=MAX_NEW_TOKENS, stop=("\nFontes:", "Fontes: [1]")
)
_NO_DOCUMENTS = (
    "Não há documentos para consultar, ou nenhum tem palavras da pergunta. "
    "Adicione os seus com `aion ingest PASTA` e pergunte de novo."
)
_NOT_FOUND = "Não encontrei nos documentos informação suficiente para responder com segurança."
_FAILED = "O modelo local falhou ao escrever a resposta; pergunte de novo ou veja o registro do serviço."
_NEAREST = "As passagens mais próximas são: "


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `tau` None takes the setting; `force_fallback` is for developers only; a `seed`
    makes the same answer come again; `adapters` None takes the service's default; `history` is the
    conversation before it, oldest first."""

    message: str
    tenant: str
    tau: float | None = None
    force_fallback: bool = False
    seed: int | None = None
    adapters: tuple[AdapterChoice, ...] | None = None
    history: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        if not self.message.strip():
            raise InvalidRequest("The message is empty; write a question.", param="message")
        if self.tau is not None and not 0.0 <= self.tau <= 1.0:
            raise InvalidRequest(f"tau is {self.tau}; give a number from 0 to 1.", param="tau")


@dataclass(frozen=True, slots=True)
class Answer:
    """The contract's {"text", "used", "C"} and what a client needs to show why."""

    text: str
    used: Literal["local", "fallback"]
    confidence: float
    reason: Reason
    passages: tuple[Passage, ...]
    cited: tuple[int, ...]
    model: str
    usage: Usage
    adapter: str = ""
    event_id: int = 0
    ms: dict[str, float] = field(default_factory=dict)


class Router:
    """Answers questions over one store with one generator. Used from the event loop."""

    def __init__(
        self, retriever: Retriever, generator: Generator, log: EventLog, *, tau: float, system_prompt: str
    ) -> None:
        self._retriever = retriever
        self._generator = generator
        self._log = log
        self._tau = tau
        self._system_prompt = system_prompt

    async def answer(self, question: Question) -> Answer:
        """The whole answer at once."""
        async with contextlib.aclosing(self.stream(question)) as stream:
            async for event in stream:
                if isinstance(event, Answer):
                    return event
        raise AssertionError("a stream ends with its Answer")

    async def stream(self, question: Question) -> AsyncGenerator[Delta | Answer, None]:
        """Yield the text as it comes, then the Answer, already recorded.

        Raises EngineBusy and InvalidRequest (a question too long) before anything was yielded, EngineFailed
        when the model breaks after that. Closing it early aborts the generation; nothing is recorded then.
        """
        started = time.monotonic()
        retrieval = await asyncio.to_thread(self._retrieve, question)
        confidence = mean_cosine_confidence([p.cosine for p in retrieval.passages])
        reason = self._judge(question, retrieval, confidence)
        answer = Answer(
            "", "local", confidence, reason, retrieval.passages, (), self._generator.model_name, Usage(0, 0)
        )
        if reason == "confident":
            async with contextlib.aclosing(self._local(question, answer)) as local:
                async for event in local:
                    if isinstance(event, Answer):
                        answer = event
                    else:
                        yield event
        if not answer.text:
            answer = replace(answer, text=_refusal(retrieval, answer.reason), used="local")
            yield Delta(answer.text, 0)
        elapsed = (time.monotonic() - started) * 1000
        answer = replace(answer, ms={"retrieval": round(retrieval.ms, 1), "total": round(elapsed, 1)})
        yield await asyncio.to_thread(self._record, question, retrieval, answer)

    def _retrieve(self, question: Question) -> Retrieval:
        """The passages; of a follow-up question, those of what it means."""
        query = rewrite(question.message, question.history)
        retrieval = self._retriever.retrieve(question.tenant, query)
        return retrieval if query == question.message else replace(retrieval, original=question.message)

    def _judge(self, question: Question, retrieval: Retrieval, confidence: float) -> Reason:
        tau = self._tau if question.tau is None else question.tau
        if question.force_fallback:
            return "fallback_off"
        return "confident" if retrieval.passages and confidence >= tau else "low_confidence"

    async def _local(self, question: Question, answer: Answer) -> AsyncGenerator[Delta | Answer, None]:
        """The local model's text, citations verified, and at the end the Answer with its sources line."""
        messages, passages = await asyncio.to_thread(self._fitting, question, answer.passages)
        citations = CitationFilter(len(passages))
        usage, adapter = Usage(0, 0), ""
        stream = self._generator.stream(messages, replace(_SAMPLING, seed=question.seed), question.adapters)
        try:
            async for event in stream:
                if isinstance(event, Delta):
                    if shown := citations.push(event.text):
                        yield Delta(shown, event.n_tokens)
                    continue
                usage, adapter = event.usage, event.adapter
                _raise_if_failed(event)
        except (EngineBusy, InvalidRequest):
            raise
        except AionError:
            if citations.shown:
                raise
            yield replace(answer, reason="local_error")
            return
        finally:
            await stream.aclose()
        if rest := citations.finish():
            yield Delta(rest, 0)
        if not citations.shown:
            yield replace(answer, reason="local_error", usage=usage)
            return
        if line := _sources(citations.cited, passages):
            yield Delta(line, 0)
        cited = tuple(citations.cited)
        yield replace(
            answer,
            text=citations.shown + line,
            passages=passages,
            cited=cited,
            usage=usage,
            adapter=adapter,
        )

    def _fitting(
        self, question: Question, passages: tuple[Passage, ...]
    ) -> tuple[list[Message], tuple[Passage, ...]]:
        """The prompt with as many passages as leave the answer a quarter of the context, and no more than
        the model makes good use of; always the first. The conversation's last turns have their share."""
        room = self._generator.n_ctx - min(MAX_NEW_TOKENS, self._generator.n_ctx // 4)
        room = min(room, self._generator.n_ctx_effective)
        count = self._generator.count_tokens
        turns = last_turns(question.history, count, int(room * MAX_SHARE)) if question.history else []
        while True:
            messages = self._messages(question.message, passages, turns)
            if (len(passages) <= 1 and not turns) or count(messages) <= room:
                return messages, passages
            if len(passages) > 1:
                passages = passages[:-1]
            else:
                turns = turns[2:]

    def _messages(
        self, message: str, passages: tuple[Passage, ...], turns: Sequence[Message]
    ) -> list[Message]:
        content = with_context(rag_prompt(message), rag_context([p.text for p in passages]))
        return [Message("system", self._system_prompt), *turns, Message("user", content)]

    def _record(self, question: Question, retrieval: Retrieval, answer: Answer) -> Answer:
        event_id = self._log.answered(
            question.tenant,
            retrieval,
            prompt=question.message,
            reply=answer.text,
            source=answer.used,
            fallback_reason=None if answer.reason == "confident" else answer.reason,
            details={
                "C": answer.confidence, "reason": answer.reason, "model": answer.model,
                "adapter": answer.adapter, "cited": list(answer.cited), "ms": answer.ms,
                "n_prompt": answer.usage.n_prompt, "n_completion": answer.usage.n_completion,
            },
        )  # fmt: skip
        return replace(answer, event_id=event_id)


def _raise_if_failed(finished: Finished) -> None:
    """A text cut short by an error or a shutdown is no answer, and nothing to learn from."""
    if finished.reason == "error":
        raise EngineFailed(finished.error or "The model failed.")
    if finished.reason == "abort":
        raise EngineFailed("The generation was aborted before its end; ask again.")


def _sources(cited: list[int], passages: tuple[Passage, ...]) -> str:
    line = sources_line([(n, passages[n - 1].source) for n in sorted(cited)])
    return f"\n\n{line}" if line else ""


def _refusal(retrieval: Retrieval, reason: Reason) -> str:
    """The honest answer: what was not found or did not work, and the nearest passages there are."""
    if not retrieval.passages:
        return _NO_DOCUMENTS
    nearest = "; ".join(f"[{p.n}] {p.source or DEFAULT_SOURCE}" for p in retrieval.passages[:3])
    return f"{_FAILED if reason == 'local_error' else _NOT_FOUND} {_NEAREST}{nearest}."
