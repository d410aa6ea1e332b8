"""What clients of OpenAI's surface may send, as pydantic models."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, Strict, field_validator, model_validator

from aion.server.schemas import (
    AdapterList,
    Body,
    ConversationId,
    Flag,
    NewTokens,
    Seed,
    Temperature,
    TimeoutS,
    TopP,
    Unit,
)
from aion.types import Priority

Penalty = Annotated[float, Strict(), Field(ge=-2.0, le=2.0)]
Bias = Annotated[float, Strict(), Field(ge=-100.0, le=100.0)]
Stop = Annotated[str, Field(min_length=1)]


class SentFunctionCall(Body):
    """What an assistant called; `arguments` is a JSON object as text, or one as it is."""

    name: str
    arguments: str = ""

    @field_validator("arguments", mode="before")
    @classmethod
    def _as_text(cls, arguments: object) -> object:
        if isinstance(arguments, str) and arguments.strip():
            try:
                value = json.loads(arguments)
            except (ValueError, RecursionError):
                value = None
            if not isinstance(value, dict):
                raise ValueError("it is no JSON object")
        return json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else arguments


class SentToolCall(Body):
    id: str
    type: Literal["function"] = "function"
    function: SentFunctionCall


class ChatMessage(Body):
    """One turn in OpenAI's form; a content given as a list of text parts becomes one text, and an assistant's
    that is null, as beside tool calls or a refusal, is empty."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str
    tool_calls: list[SentToolCall] | None = None
    tool_call_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_text(cls, message: object) -> object:
        if not isinstance(message, dict) or message.get("role") != "assistant":
            return message
        if message.get("content") is None and (message.get("tool_calls") or message.get("refusal")):
            return {**message, "content": ""}
        return message

    @field_validator("content", mode="before")
    @classmethod
    def _joined(cls, content: object) -> object:
        return "".join(map(_part_text, content)) if isinstance(content, list) else content


def _part_text(part: object) -> str:
    """The text of a part. Raises ValueError for images, sound and the like."""
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    kind = part.get("type") if isinstance(part, dict) else type(part).__name__
    raise ValueError(
        f"a part of type {kind!r} cannot be read; AION takes parts with 'type': 'text' and a 'text'"
    )


class StreamOptions(Body):
    include_usage: Flag | None = False


class JsonSchema(Body):
    """OpenAI's wrapping of a JSON schema; its name and `strict` change nothing."""

    schema_: dict[str, object] | bool = Field(alias="schema")


class ResponseFormat(Body):
    """What the text must be: anything, a JSON object, or JSON that a schema accepts."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class FunctionSent(Body):
    """A function that may be called; `parameters` is the JSON schema of its arguments."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: Flag | None = False


class ToolSent(Body):
    type: Literal["function"]
    function: FunctionSent


class ToolChoice(Body):
    """Whether a tool is called, and which where that is said."""

    mode: Literal["auto", "none", "required"]
    name: str | None = None


def _tool_choice(value: object) -> object:
    if value is None or value in ("auto", "none", "required"):
        return value and {"mode": value}
    function = value.get("function") if isinstance(value, dict) and value.get("type") == "function" else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise ValueError("it must be auto, none, required or an object of type 'function' with a name")
    return {"mode": "required", "name": function["name"]}


def _bias_by_token(value: object) -> object:
    """JSON has texts for keys; they must be token ids."""
    if isinstance(value, dict):
        if wrong := [key for key in value if not str(key).isdecimal() or not str(key).isascii()]:
            raise ValueError(f"the key {wrong[0]!r} is no token id")
        return {int(key): bias for key, bias in value.items()}
    return value


class DocumentOptions(Body):
    """The `aion` object of a chat completion: whether the documents are asked (the model's name says so where
    `rag` does not), and how."""

    rag: Flag | None = None
    tau: Unit | None = None
    forceFallback: Flag | None = False  # noqa: N815
    conversation_id: ConversationId | None = None
    tenant: str | None = None


class SampledRequest(Body):
    """What chat completions and text completions have in common: how the next token is chosen, and how the
    answer comes. OpenAI's fields and some that others have added."""

    model: str | None = None
    stream: Flag | None = False
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_tokens: NewTokens | None = Field(
        None, validation_alias=AliasChoices("max_completion_tokens", "max_tokens")
    )
    stop: Annotated[list[Stop], Field(max_length=64)] | None = None
    seed: Seed | None = None
    n: Annotated[int, Strict(), Field(ge=1, le=16)] | None = 1
    top_k: Annotated[int, Strict(), Field(ge=0, le=1_000_000)] | None = None
    min_p: Unit | None = None
    repetition_penalty: Annotated[float, Strict(), Field(ge=0.1, le=10.0)] | None = Field(
        None, validation_alias=AliasChoices("repetition_penalty", "repeat_penalty")
    )
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: Annotated[dict[int, Bias] | None, BeforeValidator(_bias_by_token)] = None
    response_format: ResponseFormat | None = None
    grammar: str | None = None
    ignore_eos: Flag | None = False
    min_tokens: Annotated[int, Strict(), Field(ge=0, le=131072)] | None = None
    adapter: AdapterList = None
    priority: Priority | None = None
    timeout_s: TimeoutS | None = None

    @field_validator("stop", mode="before")
    @classmethod
    def _listed(cls, stop: object) -> object:
        return [stop] if isinstance(stop, str) else stop


class CompletionRequest(SampledRequest):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    logprobs: Flag | None = False
    top_logprobs: Annotated[int, Strict(), Field(ge=0, le=20)] | None = None
    tools: Annotated[list[ToolSent], Field(max_length=128)] | None = None
    tool_choice: Annotated[ToolChoice | None, BeforeValidator(_tool_choice)] = None
    parallel_tool_calls: Flag | None = True
    aion: DocumentOptions | None = None


def _prompts(value: object) -> object:
    """One prompt or several, each a text or token ids."""
    is_one = isinstance(value, str) or (isinstance(value, list) and value and isinstance(value[0], int))
    return [value] if is_one else value


TokenIds = Annotated[list[Annotated[int, Strict(), Field(ge=0)]], Field(min_length=1)]
Prompts = Annotated[list[str | TokenIds], Field(min_length=1, max_length=64), BeforeValidator(_prompts)]


class TextCompletionRequest(SampledRequest):
    """`POST /v1/completions`: a text, or the ids of its tokens, gone on with as it is. `logprobs` is a number
    here; `echo` puts the prompt before each text."""

    prompt: Prompts
    logprobs: Annotated[int, Strict(), Field(ge=0, le=20)] | None = None
    echo: Flag | None = False
    suffix: str | None = None
    best_of: Annotated[int, Strict(), Field(ge=1, le=16)] | None = None
