"""`POST /generate` of the contract: one prompt, one text."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.answer.prompt import with_context
from aion.errors import InvalidRequest, generation_error
from aion.server.body import read_body
from aion.server.choices import SHUTTING_DOWN
from aion.server.disconnect import unless_gone
from aion.server.schemas import GenerateRequest, adapter_choices
from aion.server.services import Services
from aion.settings import Settings
from aion.types import AdapterChoice, Completion, Delta, Generator, Message, Priority, Sampling

REPETITION_PENALTY = 1.05


async def generate(request: Request) -> Response:
    """{"ok": true, "ms": int, "text": str}; a client that goes away ends its generation."""
    services: Services = request.app.state.services
    body = await read_body(request, GenerateRequest)
    if not body.prompt.strip():
        raise InvalidRequest("prompt is empty; write at least one word.", param="prompt")
    settings = services.settings
    messages = [
        Message("system", settings.system_prompt if body.system is None else body.system),
        Message("user", with_context(body.prompt, body.context or "")),
    ]
    started = time.monotonic()
    adapters = adapter_choices(body.adapter)
    work = complete(
        services.generator,
        messages,
        _sampling(body, settings),
        adapters,
        priority=body.priority or "interactive",
        timeout_s=body.timeout_s,
    )
    completion = await unless_gone(request, work)
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


async def complete(
    generator: Generator,
    messages: list[Message],
    sampling: Sampling,
    adapters: list[AdapterChoice] | None = None,
    *,
    priority: Priority = "interactive",
    timeout_s: float | None = None,
) -> Completion:
    """Gather a whole generation. Raises EngineBusy, OutOfTime or EngineFailed when it ends with an error or
    a shutdown."""
    parts: list[str] = []
    stream = generator.stream(messages, sampling, adapters, priority=priority, timeout_s=timeout_s)
    try:
        async for event in stream:
            if isinstance(event, Delta):
                parts.append(event.text)
            elif event.reason in ("error", "abort"):
                raise generation_error(event.cause, event.error or SHUTTING_DOWN)
            else:
                return Completion("".join(parts), event.reason, event.usage, event.adapter)
    finally:
        await stream.aclose()
    raise AssertionError("a stream ends with Finished")
