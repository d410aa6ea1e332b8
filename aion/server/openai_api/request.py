"""What a chat completion request asks of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aion.engine.json_schema import json_object_grammar, schema_grammar
from aion.errors import InvalidRequest
from aion.server.openai_api.schemas import ChatMessage, CompletionRequest, ResponseFormat, SampledRequest
from aion.settings import Settings
from aion.types import Message, Sampling, ToolCall


def messages_of(messages: Sequence[ChatMessage]) -> list[Message]:
    return [
        Message(
            "system" if m.role == "developer" else m.role,
            m.content,
            tuple(ToolCall(c.id, c.function.name, c.function.arguments) for c in m.tool_calls or ()),
            m.tool_call_id or "",
        )
        for m in messages
    ]


def chat_samplings(body: CompletionRequest, settings: Settings) -> list[Sampling]:
    """Those of a chat completion. Raises InvalidRequest as `samplings` does."""
    if body.top_logprobs is not None and not body.logprobs:
        raise InvalidRequest(
            "top_logprobs is given without logprobs; set logprobs to true.", param="top_logprobs"
        )
    return samplings(body, settings, (body.top_logprobs or 0) if body.logprobs else None)


def samplings(body: SampledRequest, settings: Settings, logprobs: int | None) -> list[Sampling]:
    """One for each choice; a seed counts up from choice to choice, so that they differ and come again.

    Raises InvalidRequest for fields that contradict one another and for a schema that cannot be followed.
    """
    one = Sampling(
        temperature=settings.temperature if body.temperature is None else body.temperature,
        top_p=settings.top_p if body.top_p is None else body.top_p,
        top_k=body.top_k or 0,
        min_p=body.min_p or 0.0,
        repetition_penalty=1.0 if body.repetition_penalty is None else body.repetition_penalty,
        frequency_penalty=body.frequency_penalty or 0.0,
        presence_penalty=body.presence_penalty or 0.0,
        logit_bias=tuple((body.logit_bias or {}).items()),
        logprobs=logprobs,
        grammar=_grammar(body),
        max_new_tokens=body.max_tokens or settings.max_new_tokens,
        min_tokens=body.min_tokens or 0,
        ignore_eos=bool(body.ignore_eos),
        seed=body.seed,
        stop=tuple(body.stop or ()),
    )
    n = body.n or 1
    return [one if body.seed is None else replace(one, seed=body.seed + i) for i in range(n)]


def _grammar(body: SampledRequest) -> str | None:
    wanted = _format_grammar(body.response_format) if body.response_format else None
    if wanted and body.grammar:
        raise InvalidRequest(
            "grammar and response_format both say what the text must look like; send one of them.",
            param="grammar",
        )
    return wanted or body.grammar or None


def _format_grammar(wanted: ResponseFormat) -> str | None:
    if wanted.type == "json_object":
        return json_object_grammar()
    if wanted.type == "text":
        return None
    if wanted.json_schema is None:
        raise InvalidRequest(
            "response_format.json_schema is missing; with type 'json_schema' it is required.",
            param="response_format.json_schema",
        )
    return schema_grammar(wanted.json_schema.schema_, "response_format")
