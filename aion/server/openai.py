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

from aion.errors import AionError, EngineFailed
from aion.server.body import read_body
from aion.server.choices import SHUTTING_DOWN, ChoiceEvents, gathered, merged
from aion.server.disconnect import unless_gone
from aion.server.failures import error_body, status_and_type
from aion.server.openai_form import chunk, completion_json, usage_chunk
from aion.server.openai_request import messages_of, samplings
from aion.server.schemas import CompletionRequest, adapter_choices
from aion.server.services import Services
from aion.types import AdapterChoice, Delta, GenerationEvent, Usage

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
    messages, adapters = messages_of(body), _adapters(body, services)
    wanted = samplings(body, services.settings)
    events = merged([services.generator.stream(messages, each, adapters) for each in wanted])
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": _answering(adapters, services),
    }
    if body.stream:
        first = await unless_gone(request, anext(events))
        usage_wanted = bool(body.stream_options and body.stream_options.include_usage)
        return EventSourceResponse(_sse(head, len(wanted), first, events, usage_wanted), sep="\n")
    completions = await unless_gone(request, gathered(events, len(wanted)))
    return JSONResponse(completion_json(head, completions, with_logprobs=bool(body.logprobs)))


def _answering(adapters: list[AdapterChoice] | None, services: Services) -> str:
    """The id of `/v1/models` that answers: an adapter's where it is one alone, else the base's."""
    if adapters is None:
        return services.adapters.adapters.default or services.generator.model_name
    return adapters[0].name if len(adapters) == 1 else services.generator.model_name


def _adapters(body: CompletionRequest, services: Services) -> list[AdapterChoice] | None:
    if body.adapter is None and body.model in {a.name for a in services.adapters.adapters.current()}:
        return [AdapterChoice(str(body.model))]
    return adapter_choices(body.adapter)


async def _sse(
    head: dict[str, Any],
    n: int,
    first: tuple[int, GenerationEvent],
    events: ChoiceEvents,
    usage_wanted: bool,
) -> AsyncGenerator[str, None]:
    """Chunks in OpenAI's form, then [DONE]; an error after the first token is an event of its own."""
    try:
        for index in range(n):
            yield chunk(head, index, {"role": "assistant", "content": ""})
        usages: list[Usage] = []
        index, event = first
        while True:
            if isinstance(event, Delta):
                yield chunk(head, index, {"content": event.text}, None, event.logprobs)
            elif event.reason in ("error", "abort"):
                raise EngineFailed(event.error or SHUTTING_DOWN)
            else:
                yield chunk(head, index, {}, event.reason)
                usages.append(event.usage)
            if len(usages) == n:
                break
            index, event = await anext(events)
        if usage_wanted:
            yield usage_chunk(head, usages)
    except AionError as error:
        yield json.dumps(error_body(error.message, status_and_type(error)[1]), ensure_ascii=False)
    finally:
        await events.aclose()
    yield "[DONE]"
