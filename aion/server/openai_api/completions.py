"""`POST /v1/completions`: texts gone on with, in the older form of OpenAI's."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.engine.continuation import Continuation
from aion.errors import AionError, InvalidRequest, generation_error
from aion.server.access.rates.limits import take_answers
from aion.server.body import read_body
from aion.server.disconnect import unless_gone
from aion.server.event_stream import EventStream, frame
from aion.server.failures import error_body, status_and_type
from aion.server.observe.counted import counted
from aion.server.observe.request_record import record_of
from aion.server.openai_api.choices import SHUTTING_DOWN, ChoiceEvents, gathered, merged
from aion.server.openai_api.form import DONE, LAST_WORDS, usage_json
from aion.server.openai_api.models import adapters_of, answering, refuse_documents
from aion.server.openai_api.request import samplings
from aion.server.openai_api.schemas import TextCompletionRequest
from aion.server.services import Services
from aion.types import Completion, Delta, GenerationEvent, TokenLogprob, Usage

_MOST_CHOICES = 64


async def completions(request: Request) -> Response:
    """`n` texts for each prompt, in the order of the prompts. No chat template is put around a prompt."""
    services: Services = request.app.state.services
    body = await read_body(request, TextCompletionRequest)
    _check(body)
    take_answers(request, len(body.prompt) * (body.n or 1))
    continuation = Continuation(services.serving)
    adapters = adapters_of(body.model, body.adapter, services)
    stream = partial(
        continuation.stream,
        adapters=adapters,
        priority=body.priority or "interactive",
        timeout_s=body.timeout_s,
    )
    wanted = samplings(body, services.settings, body.logprobs)
    record = record_of(request)
    record.ask("\n".join(prompt for prompt in body.prompt if isinstance(prompt, str)))
    events = merged(
        [
            counted(record, stream(prompt, each), with_prompt=not choice)
            for prompt in body.prompt
            for choice, each in enumerate(wanted)
        ]
    )
    echoes = await asyncio.to_thread(_echoes, body, continuation, len(wanted))
    head = {
        "id": f"cmpl-{uuid.uuid4().hex}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": answering(adapters, services),
    }
    if body.stream:
        first = await unless_gone(request, anext(events))
        with_usage = bool(body.stream_options and body.stream_options.include_usage)
        frames = _frames(head, echoes, len(wanted), first, events, with_usage)
        return EventStream(frames, last_words=LAST_WORDS, send_timeout_s=services.settings.send_timeout_s)
    made = await unless_gone(request, gathered(events, len(echoes)))
    usage = _usage([completion.usage for completion in made], len(wanted))
    choices = [
        _choice(
            i, echo + each.text, each.reason, _logprobs(each, echo) if body.logprobs is not None else None
        )
        for i, (each, echo) in enumerate(zip(made, echoes, strict=True))
    ]
    return JSONResponse({**head, "choices": choices, "usage": usage})


def _check(body: TextCompletionRequest) -> None:
    n = body.n or 1
    refuse_documents(body.model, "POST /v1/completions")
    if body.suffix:
        raise InvalidRequest("suffix is not supported; put the text into the prompt.", param="suffix")
    if body.best_of is not None and body.best_of != n:
        raise InvalidRequest(
            f"best_of is {body.best_of} and n is {n}; AION gives all it makes, so leave best_of out.",
            param="best_of",
        )
    if len(body.prompt) * n > _MOST_CHOICES:
        raise InvalidRequest(
            f"{len(body.prompt)} prompts with n={n} are over {_MOST_CHOICES} texts; send fewer at a time.",
            param="n",
        )


def _echoes(body: TextCompletionRequest, continuation: Continuation, n: int) -> list[str]:
    """What stands before each text: its prompt where `echo` is asked, else nothing."""
    texts = [
        "" if not body.echo else prompt if isinstance(prompt, str) else continuation.detokenize(prompt)
        for prompt in body.prompt
    ]
    return [text for text in texts for _ in range(n)]


def _choice(
    index: int, text: str, reason: str | None, logprobs: dict[str, object] | None = None
) -> dict[str, Any]:
    return {"index": index, "text": text, "finish_reason": reason, "logprobs": logprobs}


def _logprobs(made: Completion, echo: str) -> dict[str, object]:
    """The older form: four lists side by side; offsets count characters from the beginning of the text."""
    offsets, at = [], len(echo)
    for told in made.logprobs:
        offsets.append(at)
        at += len(_text(told))
    return {
        "tokens": [_text(told) for told in made.logprobs],
        "token_logprobs": [told.logprob for told in made.logprobs],
        "top_logprobs": [{_text(top): top.logprob for top in told.top} for told in made.logprobs],
        "text_offset": offsets,
    }


def _text(told: TokenLogprob) -> str:
    return told.piece.decode("utf-8", "replace")


def _usage(usages: Sequence[Usage], n: int) -> dict[str, object]:
    """Prompts count once each, whatever `n`."""
    whole = usage_json(usages)
    n_prompt = sum(usage.n_prompt for usage in usages[::n])
    n_completion = sum(usage.n_completion for usage in usages)
    return whole | {"prompt_tokens": n_prompt, "total_tokens": n_prompt + n_completion}


async def _frames(
    head: dict[str, Any],
    echoes: Sequence[str],
    n: int,
    first: tuple[int, GenerationEvent],
    events: ChoiceEvents,
    with_usage: bool,
) -> AsyncGenerator[bytes, None]:
    """Pieces of the texts as they come, then [DONE]; an error after the first text is an event of its own."""
    try:
        for i, echo in enumerate(echoes):
            if echo:
                yield frame({**head, "choices": [_choice(i, echo, None)]})
        usages: dict[int, Usage] = {}
        index, event = first
        while True:
            if isinstance(event, Delta):
                if event.text or event.logprobs:
                    told = _logprobs(Completion("", "stop", Usage(0, 0), "", event.logprobs), "")
                    shown = _choice(index, event.text, None, told if event.logprobs else None)
                    yield frame({**head, "choices": [shown]})
            elif event.reason in ("error", "abort"):
                raise generation_error(event.cause, event.error or SHUTTING_DOWN)
            else:
                yield frame({**head, "choices": [_choice(index, "", event.reason)]})
                usages[index] = event.usage
            if len(usages) == len(echoes):
                break
            index, event = await anext(events)
        if with_usage:
            yield frame({**head, "choices": [], "usage": _usage([usages[i] for i in sorted(usages)], n)})
    except AionError as error:
        yield frame(error_body(error.message, status_and_type(error)[1]))
    finally:
        await events.aclose()
    yield DONE
