"""`POST /api/ai/chat` of the contract: a question answered from the documents, at once or streamed."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.answer.router import Answer, Question, Router
from aion.errors import AionError
from aion.server.body import read_body
from aion.server.disconnect import unless_gone
from aion.server.failures import error_body, status_and_type
from aion.server.schemas import ChatRequest, adapter_choices
from aion.server.services import Services
from aion.types import Delta, Passage


async def chat(request: Request) -> Response:
    """{"text", "used", "C"} and why; with `stream`, events `delta`, then `answer` (or `error`)."""
    services: Services = request.app.state.services
    body = await read_body(request, ChatRequest)
    choices = adapter_choices(body.adapter)
    question = Question(
        body.message,
        services.settings.tenant,
        body.tau,
        bool(body.forceFallback),
        body.seed,
        None if choices is None else tuple(choices),
    )
    if body.stream:
        return await _streamed(request, services.router, question)
    answer = await unless_gone(request, services.router.answer(question))
    return JSONResponse(answer_json(answer), headers=_headers(answer))


async def _streamed(request: Request, router: Router, question: Question) -> Response:
    """The first event is awaited before the response begins, so that early errors keep their status."""
    events = router.stream(question)
    first = await unless_gone(request, anext(events))
    return EventSourceResponse(_sse(first, events), headers={"X-Accel-Buffering": "no"})


async def _sse(
    first: Delta | Answer, events: AsyncGenerator[Delta | Answer, None]
) -> AsyncGenerator[dict[str, str], None]:
    try:
        yield _event(first)
        async for event in events:
            yield _event(event)
    except AionError as error:
        body = error_body(error.message, status_and_type(error)[1], error.param)
        yield {"event": "error", "data": json.dumps(body, ensure_ascii=False)}
    finally:
        await events.aclose()


def _event(event: Delta | Answer) -> dict[str, str]:
    if isinstance(event, Delta):
        return {"event": "delta", "data": json.dumps({"text": event.text}, ensure_ascii=False)}
    return {"event": "answer", "data": json.dumps(answer_json(event), ensure_ascii=False)}


def _headers(answer: Answer) -> dict[str, str]:
    return {"X-AION-Used": answer.used, "X-AION-Reason": answer.reason, "X-AION-Adapter": answer.adapter}


def answer_json(answer: Answer) -> dict[str, object]:
    """The answer as clients see it; the contract's three keys first."""
    return {
        "text": answer.text,
        "used": answer.used,
        "C": round(answer.confidence, 4),
        "reason": answer.reason,
        "citations": list(answer.cited),
        "passages": [_passage_json(p) for p in answer.passages],
        "model": answer.model,
        "adapter": answer.adapter,
        "usage": {
            "prompt_tokens": answer.usage.n_prompt,
            "completion_tokens": answer.usage.n_completion,
            "cached_tokens": answer.usage.n_cached,
        },
        "ms": answer.ms,
        "event_id": answer.event_id,
    }


def _passage_json(passage: Passage) -> dict[str, object]:
    return {
        "n": passage.n,
        "document": passage.document_id,
        "source": passage.source,
        "title": passage.title,
        "line": passage.line,
        "score": round(passage.score, 4),
        "cosine": round(passage.cosine, 4),
        "bm25": round(passage.bm25, 3),
        "text": passage.text,
    }
