"""`POST /v1/chat/completions`, streamed or not."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import AionError, generation_error
from aion.server.access.rates.limits import take_answers
from aion.server.body import read_body
from aion.server.disconnect import unless_gone
from aion.server.event_stream import EventStream, frame
from aion.server.failures import error_body, status_and_type
from aion.server.observe.counted import counted
from aion.server.observe.request_record import record_of
from aion.server.openai_api.choices import SHUTTING_DOWN, ChoiceEvents, gathered, merged
from aion.server.openai_api.documents import answer_from_documents, asks_documents
from aion.server.openai_api.form import DONE, LAST_WORDS, Chunks, completion_json
from aion.server.openai_api.models import adapters_of, answering
from aion.server.openai_api.request import chat_samplings, messages_of
from aion.server.openai_api.schemas import CompletionRequest
from aion.server.openai_api.tool_form import CallChunks, with_calls
from aion.server.openai_api.tools import calling
from aion.server.services import Services
from aion.types import Delta, GenerationEvent, Usage


async def chat_completions(request: Request) -> Response:
    """A chat completion in OpenAI's form. `model` may name a loaded adapter, or `aion-rag` for an answer from
    the documents; any other name gets the loaded model as it is served."""
    services: Services = request.app.state.services
    body = await read_body(request, CompletionRequest)
    take_answers(request, body.n or 1)
    if asks_documents(body):
        return await answer_from_documents(request, body)
    messages, adapters = messages_of(body.messages), adapters_of(body.model, body.adapter, services)
    wanted = chat_samplings(body, services.settings)
    tools = calling(body, services.serving.current.template, services.generator.model_name)
    if tools:
        wanted = [tools.sampling(each) for each in wanted]
    priority = body.priority or "interactive"
    stream = partial(services.generator.stream, priority=priority, timeout_s=body.timeout_s)
    use = tools.use if tools else None
    record = record_of(request)
    record.ask(messages[-1].content)
    events = merged(
        [
            counted(record, stream(messages, each, adapters, tools=use), with_prompt=not choice)
            for choice, each in enumerate(wanted)
        ]
    )
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": answering(adapters, services),
    }
    if body.stream:
        first = await unless_gone(request, anext(events))
        usage_wanted = bool(body.stream_options and body.stream_options.include_usage)
        chunks = CallChunks(head, tools, len(wanted)) if tools else Chunks(head)
        frames = _frames(chunks, len(wanted), first, events, usage_wanted)
        return EventStream(frames, last_words=LAST_WORDS, send_timeout_s=services.settings.send_timeout_s)
    completions = await unless_gone(request, gathered(events, len(wanted)))
    answer = completion_json(head, completions, with_logprobs=bool(body.logprobs))
    if tools:
        with_calls(answer["choices"], completions, tools)
    return JSONResponse(answer)


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
                if told := chunks.text(index, event.text, event.logprobs):
                    yield told
            elif event.reason in ("error", "abort"):
                raise generation_error(event.cause, event.error or SHUTTING_DOWN)
            else:
                yield chunks.end(index, event.reason)
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
    yield DONE
