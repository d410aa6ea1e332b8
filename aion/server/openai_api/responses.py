"""`POST /v1/responses`: OpenAI's newer form, without a memory of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from aion.errors import AionError, InvalidRequest, generation_error
from aion.server.access.rates.limits import take_answers
from aion.server.body import named, read_body
from aion.server.disconnect import unless_gone
from aion.server.event_stream import EventStream, frame
from aion.server.failures import status_and_type
from aion.server.observe.counted import counted
from aion.server.observe.request_record import record_of
from aion.server.openai_api.choices import SHUTTING_DOWN
from aion.server.openai_api.models import adapters_of, answering, refuse_documents
from aion.server.openai_api.request import chat_samplings, messages_of
from aion.server.openai_api.responses_form import Event, ResponseWriter
from aion.server.openai_api.responses_schemas import ResponsesRequest
from aion.server.openai_api.tools import calling
from aion.server.services import Services
from aion.server.whole_json import WholeJson
from aion.types import Delta, GenerationEvent

_NAMES = {"messages": "input", "response_format": "text.format"}  # of a chat completion, and those of here


async def responses(request: Request) -> Response:
    """An answer as items, at once or in events. Nothing is stored."""
    services: Services = request.app.state.services
    body = await read_body(request, ResponsesRequest)
    take_answers(request)
    refuse_documents(body.model, "POST /v1/responses")
    with _named_as_here():
        asked = body.completion()
        adapters = adapters_of(body.model, asked.adapter, services)
        tools = calling(asked, services.serving.current.template, services.generator.model_name)
        (sampling,) = chat_samplings(asked, services.settings)
    messages, record = messages_of(asked.messages), record_of(request)
    record.ask(messages[-1].content)
    events = services.generator.stream(
        messages,
        tools.sampling(sampling) if tools else sampling,
        adapters,
        priority=asked.priority or "interactive",
        timeout_s=asked.timeout_s,
        tools=tools.use if tools else None,
    )
    events = counted(record, events)
    parser = tools.parser(is_streamed=bool(body.stream)) if tools else None
    writer = ResponseWriter(body, answering(adapters, services), parser)
    if body.stream:
        first = await unless_gone(request, anext(events))
        frames = _frames(writer, first, events)
        return EventStream(frames, last_words=_last_words(), send_timeout_s=services.settings.send_timeout_s)
    return WholeJson(await unless_gone(request, _whole(writer, events)))


@contextlib.contextmanager
def _named_as_here() -> Iterator[None]:
    """What is wrong with the chat completion a request amounts to, by the fields this route has for it."""
    try:
        yield
    except ValidationError as error:
        raise _renamed(named(error)) from error
    except InvalidRequest as error:
        raise _renamed(error) from error


def _renamed(error: InvalidRequest) -> InvalidRequest:
    param, message = error.param or "", error.message
    there = param.split(".")[0]
    if there not in _NAMES:
        return error
    here = _NAMES[there]
    return InvalidRequest(message.replace(param, here, 1).replace(there, here), param=here)


async def _whole(writer: ResponseWriter, events: AsyncGenerator[GenerationEvent, None]) -> dict[str, object]:
    async with contextlib.aclosing(events):
        async for event in events:
            _told(writer, event)
    return writer.response


async def _frames(
    writer: ResponseWriter, first: GenerationEvent, events: AsyncGenerator[GenerationEvent, None]
) -> AsyncGenerator[bytes, None]:
    """The events as they come; one that says `failed` where the answer breaks off."""
    async with contextlib.aclosing(events):
        yield _framed(writer.begin())
        try:
            yield _framed(_told(writer, first))
            async for event in events:
                if told := _told(writer, event):
                    yield _framed(told)
        except AionError as error:
            yield _framed(writer.fail(error.message, status_and_type(error)[1]))


def _told(writer: ResponseWriter, event: GenerationEvent) -> list[Event]:
    if isinstance(event, Delta):
        return writer.push(event.text, event.logprobs)
    if event.reason in ("error", "abort"):
        raise generation_error(event.cause, event.error or SHUTTING_DOWN)
    return writer.end(event.reason, event.usage)


def _framed(events: Sequence[Event]) -> bytes:
    """Each with its name, as this form wants it."""
    return b"".join(frame(event, event["type"]) for event in events)


def _last_words() -> bytes:
    return _framed([{"type": "error", "code": "server_error", "message": SHUTTING_DOWN, "param": None}])
