"""Chat completions answered from the documents: the model `aion-rag`, or `"aion": {"rag": true}`."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.answer.answer import Answer
from aion.answer.question import SAMPLING, Question
from aion.errors import AionError, InvalidRequest
from aion.server.access.conversations import conversation_of
from aion.server.access.identity import identity_of
from aion.server.as_json import answer_json
from aion.server.chat import answer_headers
from aion.server.disconnect import unless_gone
from aion.server.event_stream import EventStream, frame
from aion.server.failures import error_body, status_and_type
from aion.server.observe.counted import count_answer, counted
from aion.server.observe.request_record import record_of
from aion.server.openai_api.form import DONE, LAST_WORDS, Chunks, completion_json
from aion.server.openai_api.models import DOCUMENTS, adapters_of
from aion.server.openai_api.request import messages_of, samplings
from aion.server.openai_api.schemas import CompletionRequest, DocumentOptions
from aion.server.services import Services
from aion.server.tenants import tenant_of
from aion.types import Completion, Delta

_CONTRADICTING = ("tools", "logprobs", "response_format", "grammar", "timeout_s")


def asks_documents(body: CompletionRequest) -> bool:
    """Whether the documents are to be asked, and not the model alone."""
    wanted = body.aion.rag if body.aion else None
    return body.model == DOCUMENTS if wanted is None else wanted


async def answer_from_documents(request: Request, body: CompletionRequest) -> Response:
    """The router's answer as a chat completion, all that `/api/ai/chat` tells in its member `aion`."""
    services: Services = request.app.state.services
    question = await _question(request, body)
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": DOCUMENTS}
    record_of(request).ask(question.message)
    if body.stream:
        events = counted(record_of(request), services.router.stream(question))
        first = await unless_gone(request, anext(events))
        with_usage = bool(body.stream_options and body.stream_options.include_usage)
        frames = _frames(Chunks(head), head, first, events, with_usage)
        return EventStream(frames, last_words=LAST_WORDS, send_timeout_s=services.settings.send_timeout_s)
    answer = await unless_gone(request, services.router.answer(question))
    count_answer(record_of(request), answer)
    completion = Completion(answer.text, answer.finish, answer.usage, answer.adapter)
    told = completion_json(head, [completion], with_logprobs=False) | {"aion": _told(answer)}
    return JSONResponse(told, headers=answer_headers(answer))


async def _question(request: Request, body: CompletionRequest) -> Question:
    """The last message is the question, those before it the conversation."""
    services: Services = request.app.state.services
    _refuse_contradictions(body)
    *before, last = messages_of(body.messages)
    if last.role != "user":
        raise InvalidRequest(
            f"The last message is of the role {last.role!r}; the documents are asked with one of the user.",
            param="messages",
        )
    if not last.content.strip():
        raise InvalidRequest("The last message is empty; write a question.", param="messages")
    options = body.aion or DocumentOptions()
    identity = identity_of(request)
    if options.forceFallback:
        identity.require("admin", "force the paid fallback", "aion.forceFallback")
    sampling = replace(
        samplings(body, services.settings, None)[0],
        temperature=SAMPLING.temperature if body.temperature is None else body.temperature,
        top_p=SAMPLING.top_p if body.top_p is None else body.top_p,
        max_new_tokens=body.max_tokens or SAMPLING.max_new_tokens,
    )
    adapters = adapters_of(body.model, body.adapter, services)
    return Question(
        last.content,
        await tenant_of(request, options.tenant, "aion.tenant"),
        options.tau,
        bool(options.forceFallback),
        body.seed,
        None if adapters is None else tuple(adapters),
        tuple(message for message in before if message.role in ("user", "assistant") and message.content),
        conversation_of(identity, options.conversation_id, "aion.conversation_id"),
        "\n\n".join(message.content for message in before if message.role == "system") or None,
        sampling,
        body.priority or "interactive",
        identity.asker,
    )


def _refuse_contradictions(body: CompletionRequest) -> None:
    """What an answer from documents cannot be beside its citations."""
    wanted = [name for name in _CONTRADICTING if getattr(body, name)]
    if body.response_format and body.response_format.type == "text":
        wanted.remove("response_format")
    if (body.n or 1) > 1:
        wanted.append("n")
    if wanted:
        raise InvalidRequest(
            f"{wanted[0]} does not go with an answer from the documents, which is one text with citations, "
            f"whoever writes it; leave it out, or ask a model other than {DOCUMENTS}.",
            param=wanted[0],
        )


def _told(answer: Answer) -> dict[str, object]:
    """What `/api/ai/chat` tells, but for what the completion has already."""
    return {name: value for name, value in answer_json(answer).items() if name not in ("text", "usage")}


async def _frames(
    chunks: Chunks,
    head: dict[str, Any],
    first: Delta | Answer,
    events: AsyncGenerator[Delta | Answer, None],
    with_usage: bool,
) -> AsyncGenerator[bytes, None]:
    """The text, then one chunk with the end and `aion`; an error after the text began is an event."""
    try:
        yield chunks.choice(0, {"role": "assistant", "content": ""})
        event = first
        while isinstance(event, Delta):
            yield chunks.text(0, event.text)
            event = await anext(events)
        choice = {"index": 0, "delta": {}, "finish_reason": event.finish, "logprobs": None}
        yield frame({**head, "object": "chat.completion.chunk", "choices": [choice], "aion": _told(event)})
        if with_usage:
            yield chunks.usage([event.usage])
    except AionError as error:
        yield frame(error_body(error.message, status_and_type(error)[1]))
    finally:
        await events.aclose()
    yield DONE
