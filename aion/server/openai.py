"""The OpenAI surface: `POST /v1/chat/completions`, streamed or not, and `GET /v1/models`."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import AionError, EngineFailed
from aion.server.body import read_body
from aion.server.choices import SHUTTING_DOWN, ChoiceEvents, gathered, merged
from aion.server.disconnect import unless_gone
from aion.server.event_stream import EventStream, frame
from aion.server.failures import error_body, status_and_type
from aion.server.openai_form import Chunks, completion_json
from aion.server.openai_request import messages_of, samplings
from aion.server.schemas import CompletionRequest, adapter_choices
from aion.server.services import Services
from aion.types import AdapterChoice, Delta, GenerationEvent, Usage

_STARTED = int(time.time())
_DONE = frame("[DONE]")
_LAST_WORDS = frame(error_body(SHUTTING_DOWN, "server_error")) + _DONE


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
        frames = _frames(Chunks(head), len(wanted), first, events, usage_wanted)
        return EventStream(frames, last_words=_LAST_WORDS)
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


async def _frames(
    chunks: Chunks,
    n: int,
    first: tuple[int, GenerationEvent],
    events: ChoiceEvents,
    usage_wanted: bool,
) -> AsyncGenerator[bytes, None]:
    """Chunks in OpenAI's form, then [DONE]; an error after the first token is an event of its own."""
    try:
        yield b"".join(chunks.choice(index, {"role": "assistant", "content": ""}) for index in range(n))
        usages: list[Usage] = []
        index, event = first
        while True:
            if isinstance(event, Delta):
                yield chunks.text(index, event.text, event.logprobs)
            elif event.reason in ("error", "abort"):
                raise EngineFailed(event.error or SHUTTING_DOWN)
            else:
                yield chunks.choice(index, {}, event.reason)
                usages.append(event.usage)
            if len(usages) == n:
                break
            index, event = await anext(events)
        if usage_wanted:
            yield chunks.usage(usages)
    except AionError as error:
        yield frame(error_body(error.message, status_and_type(error)[1]))
    finally:
        await events.aclose()
    yield _DONE
