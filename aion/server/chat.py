"""`POST /api/ai/chat` of the contract: a question answered from the documents, at once or streamed."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.answer.answer import Answer
from aion.answer.question import Question
from aion.errors import AionError
from aion.server.access.conversations import conversation_of
from aion.server.access.identity import identity_of
from aion.server.access.rates.limits import take_answers
from aion.server.as_json import answer_json
from aion.server.body import read_body
from aion.server.disconnect import unless_gone
from aion.server.event_stream import EventStream, frame
from aion.server.failures import error_body, status_and_type
from aion.server.observe.counted import count_answer, counted
from aion.server.observe.request_record import record_of
from aion.server.openai_api.choices import SHUTTING_DOWN
from aion.server.schemas import ChatRequest, adapter_choices, messages_of
from aion.server.services import Services
from aion.server.tenants import tenant_of
from aion.types import Delta

_LAST_WORDS = frame(error_body(SHUTTING_DOWN, "server_error"), "error")


async def chat(request: Request) -> Response:
    """{"text", "used", "C"} and why; with `stream`, events `delta`, then `answer` (or `error`)."""
    services: Services = request.app.state.services
    body = await read_body(request, ChatRequest)
    take_answers(request)
    identity = identity_of(request)
    if body.forceFallback:
        identity.require("admin", "force the paid fallback", "forceFallback")
    choices = adapter_choices(body.adapter)
    question = Question(
        body.message,
        await tenant_of(request, body.tenant),
        body.tau,
        bool(body.forceFallback),
        body.seed,
        None if choices is None else tuple(choices),
        messages_of(body.history),
        conversation_of(identity, body.conversation_id, "conversation_id"),
        asker=identity.asker,
    )
    record_of(request).ask(body.message)
    if body.stream:
        return await _streamed(request, services, question)
    answer = await unless_gone(request, services.router.answer(question))
    count_answer(record_of(request), answer)
    return JSONResponse(answer_json(answer), headers=answer_headers(answer))


async def _streamed(request: Request, services: Services, question: Question) -> Response:
    """The first event is awaited before the response begins, so that early errors keep their status."""
    events = counted(record_of(request), services.router.stream(question))
    first = await unless_gone(request, anext(events))
    send_timeout_s = services.settings.send_timeout_s
    return EventStream(_frames(first, events), last_words=_LAST_WORDS, send_timeout_s=send_timeout_s)


async def _frames(
    first: Delta | Answer, events: AsyncGenerator[Delta | Answer, None]
) -> AsyncGenerator[bytes, None]:
    try:
        yield _frame(first)
        async for event in events:
            yield _frame(event)
    except AionError as error:
        yield frame(error_body(error.message, status_and_type(error)[1], error.param), "error")
    finally:
        await events.aclose()


def _frame(event: Delta | Answer) -> bytes:
    if isinstance(event, Delta):
        return frame({"text": event.text}, "delta")
    return frame(answer_json(event), "answer")


def answer_headers(answer: Answer) -> dict[str, str]:
    """Who answered and why, for clients that do not look into the body."""
    return {"X-AION-Used": answer.used, "X-AION-Reason": answer.reason, "X-AION-Adapter": answer.adapter}
