"""`POST /generate` of the contract: one prompt, one text."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.answer.prompt import with_context
from aion.errors import InvalidRequest, generation_error
from aion.server.access.rates.limits import take_answers
from aion.server.body import read_body
from aion.server.disconnect import unless_gone
from aion.server.observe.counted import counted
from aion.server.observe.request_record import record_of
from aion.server.openai_api.choices import SHUTTING_DOWN
from aion.server.schemas import GenerateRequest, adapter_choices
from aion.server.services import Services
from aion.settings import Settings
from aion.types import Completion, Delta, GenerationEvent, Message, Sampling

REPETITION_PENALTY = 1.05


async def generate(request: Request) -> Response:
    """{"ok": true, "ms": int, "text": str}; a client that goes away ends its generation."""
    services: Services = request.app.state.services
    body = await read_body(request, GenerateRequest)
    take_answers(request)
    if not body.prompt.strip():
        raise InvalidRequest("prompt is empty; write at least one word.", param="prompt")
    settings = services.settings
    messages = [
        Message("system", settings.system_prompt if body.system is None else body.system),
        Message("user", with_context(body.prompt, body.context or "")),
    ]
    started = time.monotonic()
    adapters = adapter_choices(body.adapter)
    record = record_of(request)
    record.ask(body.prompt)
    events = services.generator.stream(
        messages,
        _sampling(body, settings),
        adapters,
        priority=body.priority or "interactive",
        timeout_s=body.timeout_s,
    )
    completion = await unless_gone(request, complete(counted(record, events)))
    ms = int((time.monotonic() - started) * 1000)
    return JSONResponse(
        {"ok": True, "ms": ms, "text": completion.text.strip()},
        headers={"X-AION-Adapter": completion.adapter},
    )


def _sampling(body: GenerateRequest, settings: Settings) -> Sampling:
    return Sampling(
        temperature=settings.temperature if body.temperature is None else body.temperature,
        top_p=settings.top_p if body.top_p is None else body.top_p,
        max_new_tokens=body.max_new_tokens or settings.max_new_tokens,
        repetition_penalty=REPETITION_PENALTY,
        stop=tuple(body.stop or ()),
    )


async def complete(events: AsyncGenerator[GenerationEvent, None]) -> Completion:
    """Gather a whole generation. Raises EngineBusy, OutOfTime or EngineFailed when it ends with an error or
    a shutdown."""
    parts: list[str] = []
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Delta):
                parts.append(event.text)
            elif event.reason in ("error", "abort"):
                raise generation_error(event.cause, event.error or SHUTTING_DOWN)
            else:
                return Completion("".join(parts), event.reason, event.usage, event.adapter)
    raise AssertionError("a stream ends with Finished")
