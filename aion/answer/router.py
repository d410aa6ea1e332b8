"""One question, one path: retrieve, judge, answer locally, else by the fallback, else say what is not known.

The contract's section 4. Knows no HTTP and no SQL; storage and models come in as arguments.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from aion.answer.answer import Answer
from aion.answer.assemble import Prompt, Reader, assemble
from aion.answer.citing.verified import verified
from aion.answer.confidence.judges import Confidence
from aion.answer.honest import honest_answer, question_language
from aion.answer.paid.fallback import Fallback, Refusal
from aion.answer.paid.fallback import Reason as FallbackReason
from aion.answer.question import Question
from aion.answer.record import record_of, unfinished
from aion.answer.support.unsupported import unsupported
from aion.answer.work import Work
from aion.errors import (
    AionError,
    EngineBusy,
    EngineFailed,
    FallbackFailed,
    InvalidRequest,
    OverBudget,
    PromptTooLong,
)
from aion.events.log import EventLog
from aion.rag.follow_up import names_a_topic, rewrite
from aion.rag.retrieve import Retriever
from aion.types import Delta, Generator, Message, Retrieval

_CHARS_A_TOKEN = 16  # more than any text has on average


class Router:
    """Answers questions over one store with one local generator. Used from the event loop."""

    def __init__(
        self,
        retriever: Retriever,
        generator: Generator,
        log: EventLog,
        confidence: Confidence,
        fallback: Fallback,
        *,
        tau: float,
        system_prompt: str,
    ) -> None:
        self._retriever = retriever
        self._generator = generator
        self._log = log
        self._confidence = confidence
        self._fallback = fallback
        self._tau = tau
        self._system_prompt = system_prompt

    async def answer(self, question: Question) -> Answer:
        """The whole answer at once. What a model wrote before it broke was seen by nobody, so the next may
        write it all."""
        async with contextlib.aclosing(self._run(question, is_shown=False)) as stream:
            async for event in stream:
                if isinstance(event, Answer):
                    return event
        raise AssertionError("a stream ends with its Answer")

    async def stream(self, question: Question) -> AsyncGenerator[Delta | Answer, None]:
        """Yield the text as it comes, then the Answer, already recorded.

        Raises EngineBusy and InvalidRequest (a question too long) before anything was yielded, EngineFailed
        or FallbackFailed when a model breaks after that. Closing it early aborts the generation.
        """
        async with contextlib.aclosing(self._run(question, is_shown=True)) as stream:
            async for event in stream:
                yield event

    async def _run(self, question: Question, *, is_shown: bool) -> AsyncGenerator[Delta | Answer, None]:
        """The same; `is_shown` says that a reader sees the text as it comes."""
        work = await self._begin(question)
        work.is_shown = is_shown
        try:
            async with contextlib.aclosing(self._written(work)) as written:
                async for delta in written:
                    work.has_begun = True
                    yield delta
            answer = await self._recorded(work)
        except (EngineBusy, EngineFailed, FallbackFailed) as error:
            if work.has_begun:
                work.errors.append(error.message)
                await self._log.failed(question.tenant, error.message, work.retrieval)
            raise
        finally:
            if not work.is_recorded and work.sent.payload is not None:
                self._log.post(question.tenant, unfinished(work))
        yield answer

    async def _begin(self, question: Question) -> Work:
        """What is found for the question, and how far it is to be trusted. Raises PromptTooLong for one that
        nobody could read, before it is searched for."""
        began = time.monotonic()
        n_ctx, n_chars = max(self._generator.n_ctx, self._fallback.n_ctx), len(question.message)
        if n_chars > _CHARS_A_TOKEN * n_ctx:
            raise PromptTooLong(
                f"The message has {n_chars} characters and the context holds {n_ctx} tokens; shorten it.",
                param="message",
            )
        history = question.history
        if question.conversation and not history:
            history = await asyncio.to_thread(
                self._log.history, question.tenant, question.conversation, asker=question.asker
            )
        retrieval, confidence = await asyncio.to_thread(self._found, question, history)
        work = Work(
            question,
            question.conversation or f"c-{uuid.uuid4().hex}",
            history,
            question_language(question.message, [said.content for said in history if said.role == "user"]),
            retrieval,
            confidence,
            self._tau_of(question),
            self._generator.model_name,
            passages=retrieval.passages,
            began=began,
        )
        work.ms["retrieval"] = round(retrieval.ms, 1)
        if question.force_fallback:
            work.trigger = "forced"
        elif not retrieval.passages or confidence < work.tau:
            work.trigger = "low_confidence"
        return work

    def _tau_of(self, question: Question) -> float:
        return self._tau if question.tau is None else question.tau

    def _found(self, question: Question, history: Sequence[Message]) -> tuple[Retrieval, float]:
        """The passages, of a follow-up question those of what it means, and C. One that may have changed the
        topic is looked for as it is first: what was said before would draw it back."""
        query = rewrite(question.message, history)
        if query == question.message or names_a_topic(question.message):
            retrieval = self._retriever.retrieve(question.tenant, question.message)
            confidence = self._confidence.confidence(question.tenant, retrieval)
            if query == question.message or confidence >= self._tau_of(question):
                return retrieval, confidence
        retrieval = replace(self._retriever.retrieve(question.tenant, query), original=question.message)
        return retrieval, self._confidence.confidence(question.tenant, retrieval)

    async def _written(self, work: Work) -> AsyncGenerator[Delta, None]:
        """The text of whoever answers; that of AION itself where nobody can."""
        for writer in (self._locally, self._paid):
            if not work.text:
                async with contextlib.aclosing(writer(work)) as deltas:
                    async for delta in deltas:
                        yield delta
        if not work.text:
            work.text = honest_answer(
                work.refused or work.trigger or "local_error", work.language, work.passages
            )
            yield Delta(work.text, 0)

    async def _locally(self, work: Work) -> AsyncGenerator[Delta, None]:
        """The local model's text, where the passages are trusted; a failure before it is noted."""
        if work.trigger is not None:
            return
        began = time.monotonic()
        try:
            prompt = await asyncio.to_thread(self._prompt, work, self._generator)
            asked = work.question
            sampling = replace(asked.sampling, seed=asked.seed)
            events = self._generator.stream(
                prompt.messages, sampling, asked.adapters, priority=asked.priority
            )
            async with contextlib.aclosing(verified(work, prompt, events)) as deltas:
                async for delta in deltas:
                    if "first_text" not in work.ms:
                        work.lap("first_text", began)
                    yield delta
        except (EngineBusy, InvalidRequest):
            raise
        except AionError as error:
            if work.is_shown and work.has_begun:
                raise
            work.errors.append(error.message)
        else:
            if not work.text:
                work.errors.append("The local model wrote no text.")
        work.lap("generation", began)
        if not work.text:
            work.trigger = "local_error"

    async def _paid(self, work: Work) -> AsyncGenerator[Delta, None]:
        """The paid API's text, where it is allowed and the budget has enough; else the reason."""
        asked = work.question
        refusal = await self._fallback.refusal(asked.tenant)
        if refusal is not None:
            work.refuse(refusal)
            return
        began = time.monotonic()
        try:
            prompt = await asyncio.to_thread(self._prompt, work, self._fallback)
            sampling = replace(asked.sampling, logit_bias=())  # its tokens are the local model's
            events = self._fallback.stream(asked.tenant, prompt.messages, sampling, sent=work.sent)
            async with contextlib.aclosing(verified(work, prompt, events)) as deltas:
                async for delta in deltas:
                    yield delta
        except (OverBudget, FallbackFailed) as error:
            if work.is_shown and work.has_begun:
                raise
            reason: FallbackReason = "over_budget" if isinstance(error, OverBudget) else "fallback_error"
            work.refuse(Refusal(reason, error.message))
        else:
            if not work.text:
                work.refuse(Refusal("fallback_error", "The paid model wrote no text."))
        work.lap("fallback", began)

    def _prompt(self, work: Work, reader: Reader) -> Prompt:
        system = self._system_prompt if work.question.system is None else work.question.system
        return assemble(
            work.question,
            work.history,
            work.retrieval.passages,
            system=system,
            language=work.language,
            reader=reader,
        )

    async def _recorded(self, work: Work) -> Answer:
        """The answer, on disk; where the disk is full it goes out all the same, with a warning."""
        if work.n_sent:
            work.unsupported = await asyncio.to_thread(
                unsupported, work.text, work.passages, work.citations, work.question.message
            )
        work.lap("total", work.began)
        record = record_of(work, self._confidence.method)
        work.is_recorded = True  # handed to the log before anything else can happen
        recorded = await self._log.answered(work.question.tenant, work.retrieval, record)
        return replace(work.answer(), event_id=recorded.event_id, warning=recorded.warning)
