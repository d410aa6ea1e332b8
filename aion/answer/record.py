"""What the log is told of an answer."""

from __future__ import annotations

from aion.answer.work import Work
from aion.events.kinds import FALLBACK
from aion.events.record import AnswerRecord, FallbackRecord
from aion.types import Event


def record_of(work: Work, confidence_method: str) -> AnswerRecord:
    """All that explains the answer, beside its retrieval."""
    return AnswerRecord(
        prompt=work.question.message,
        reply=work.text,
        source=work.used,
        confidence=work.confidence,
        confidence_method=confidence_method,
        tau=work.tau,
        reason=work.reason,
        model=work.model,
        adapter=work.adapter,
        language=work.language,
        cited=tuple(dict.fromkeys(citation.n for citation in work.citations)),
        citations=tuple((c.n, c.start, c.end) for c in work.citations),
        unsupported=tuple((span.start, span.end) for span in work.unsupported),
        ms=work.ms,
        n_prompt=work.usage.n_prompt,
        n_completion=work.usage.n_completion,
        n_sent=work.n_sent,
        fallback=_fallback(work),
        conversation=work.conversation,
        asker=work.question.asker,
    )


def _fallback(work: Work) -> FallbackRecord | None:
    """There where the local model was not trusted or failed, whether a paid one was then asked or not."""
    if work.trigger is None:
        return None
    sent = work.sent
    return FallbackRecord(
        work.reason,
        sent.model,
        sent.cost_micros,
        sent.usage.n_prompt,
        sent.usage.n_completion,
        sent.payload,
        " ".join(work.errors) or None,
        work.trigger,
    )


def unfinished(work: Work) -> Event:
    """A paid answer that broke off, or whose reader went away: what left the machine and what it cost."""
    record = _fallback(work)
    assert record is not None
    return Event(FALLBACK, 0.0, record.meta(work.question.message))
