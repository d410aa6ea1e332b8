"""The OpenAI surface: `POST /v1/chat/completions`, streamed or not, and `GET /v1/models`."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncGenerator
from typing import Any

from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import AionError
from aion.server.body import read_body
from aion.server.disconnect import unless_gone
from aion.server.failures import error_body, status_and_type
from aion.server.generate import complete
from aion.server.schemas import CompletionRequest, adapter_choices
from aion.server.services import Services
from aion.settings import Settings
from aion.types import AdapterChoice, Delta, Finished, GenerationEvent, Message, Sampling, Usage

_STARTED = int(time.time())


async def models(request: Request) -> Response:
    """The base model that is loaded, and each adapter as a model of its own whose parent is the base."""
    services: Services = request.app.state.services
    base = services.generator.model_name
    card = {"object": "model", "created": _STARTED, "owned_by": "aion"}
    names = [adapter.name for adapter in services.adapters.adapters.current()]
    data = [{"id": base, **card}, *({"id": name, **card, "parent": base} for name in names)]
    return JSONResponse({"object": "list", "data": data})


async def chat_completions(request: Request) -> Response:
    """A chat completion in OpenAI's form. `model` may name a loaded adapter; any other name gets the
    loaded model as it is served."""
    services: Services = request.app.state.services
    body = await read_body(request, CompletionRequest)
    messages = _messages(body)
    sampling = _sampling(body, services.settings)
    adapters = _adapters(body, services)
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": services.generator.model_name,
    }
    if body.stream:
        events = services.generator.stream(messages, sampling, adapters)
        first = await unless_gone(request, anext(events))
        usage_wanted = bool(body.stream_options and body.stream_options.include_usage)
        return EventSourceResponse(_sse(head, first, events, usage_wanted), sep="\n")
    completion = await unless_gone(request, complete(services.generator, messages, sampling, adapters))
    message = {"role": "assistant", "content": completion.text}
    choice = {"index": 0, "message": message, "finish_reason": completion.reason, "logprobs": None}
    return JSONResponse(
        {**head, "object": "chat.completion", "choices": [choice], "usage": _usage(completion.usage)}
    )


def _adapters(body: CompletionRequest, services: Services) -> list[AdapterChoice] | None:
    if body.adapter is None and body.model in {a.name for a in services.adapters.adapters.current()}:
        return [AdapterChoice(str(body.model))]
    return adapter_choices(body.adapter)


def _messages(body: CompletionRequest) -> list[Message]:
    return [Message("system" if m.role == "developer" else m.role, m.content) for m in body.messages]


def _sampling(body: CompletionRequest, settings: Settings) -> Sampling:
    return Sampling(
        temperature=settings.temperature if body.temperature is None else body.temperature,
        top_p=settings.top_p if body.top_p is None else body.top_p,
        max_new_tokens=body.max_tokens or settings.max_new_tokens,
        seed=body.seed,
        stop=tuple(body.stop or ()),
    )


async def _sse(
    head: dict[str, Any],
    first: GenerationEvent,
    events: AsyncGenerator[GenerationEvent, None],
    usage_wanted: bool,
) -> AsyncGenerator[str, None]:
    """Chunks in OpenAI's form, then [DONE]; an error after the first token is an event of its own."""
    try:
        yield _chunk(head, {"role": "assistant", "content": ""})
        event = first
        while isinstance(event, Delta):
            yield _chunk(head, {"content": event.text})
            event = await anext(events)
        assert isinstance(event, Finished)
        if event.reason in ("error", "abort"):
            message = event.error or "AION is shutting down; ask again when it is back."
            yield json.dumps(error_body(message, "server_error"), ensure_ascii=False)
        else:
            yield _chunk(head, {}, event.reason)
            if usage_wanted:
                yield json.dumps(
                    {**head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(event.usage)}
                )
        yield "[DONE]"
    except AionError as error:
        yield json.dumps(error_body(error.message, status_and_type(error)[1]), ensure_ascii=False)
    finally:
        await events.aclose()


def _chunk(head: dict[str, Any], delta: dict[str, str], finish_reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return json.dumps({**head, "object": "chat.completion.chunk", "choices": [choice]}, ensure_ascii=False)


def _usage(usage: Usage) -> dict[str, object]:
    return {
        "prompt_tokens": usage.n_prompt,
        "completion_tokens": usage.n_completion,
        "total_tokens": usage.n_prompt + usage.n_completion,
        "prompt_tokens_details": {"cached_tokens": usage.n_cached},
    }
