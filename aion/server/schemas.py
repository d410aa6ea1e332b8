"""What clients may send, as pydantic models. Unknown fields are ignored, wrong ones refused by name."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    field_validator,
    model_validator,
)

from aion.types import AdapterChoice, Message, Priority

Unit = Annotated[float, Strict(), Field(ge=0.0, le=1.0)]
Temperature = Annotated[float, Strict(), Field(ge=0.0, le=2.0)]
TopP = Annotated[float, Strict(), Field(gt=0.0, le=1.0)]
NewTokens = Annotated[int, Strict(), Field(ge=1, le=131072)]
Seed = Annotated[int, Strict()]
Penalty = Annotated[float, Strict(), Field(ge=-2.0, le=2.0)]
Bias = Annotated[float, Strict(), Field(ge=-100.0, le=100.0)]
Stop = Annotated[str, Field(min_length=1)]
Flag = Annotated[bool, Strict()]
TimeoutS = Annotated[float, Strict(), Field(gt=0.0, le=86400.0)]


class Body(BaseModel):
    """A request body; numbers are not taken from strings."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class AdapterScale(Body):
    """An adapter by name with the strength of its effect."""

    name: str
    scale: Annotated[float, Strict()] = 1.0


def _adapter_list(value: object) -> object:
    """One adapter or several, each a name or an object; "none" is the base alone."""
    if value is None or value == []:
        return value
    if value == "none":
        return []
    items = value if isinstance(value, list) else [value]
    return [{"name": item} if isinstance(item, str) else item for item in items]


AdapterList = Annotated[list[AdapterScale] | None, BeforeValidator(_adapter_list)]


def adapter_choices(adapters: list[AdapterScale] | None) -> list[AdapterChoice] | None:
    """As the engine takes them; None is the service's default."""
    return None if adapters is None else [AdapterChoice(a.name, a.scale) for a in adapters]


class ReloadRequest(Body):
    """`POST /adapter/reload`: the contract sends no body; `path` names another adapter than the setting."""

    path: str | None = None


class AdapterRequest(Body):
    """`POST /v1/adapters`: a GGUF adapter or a PEFT folder of this machine, and its name from now on."""

    name: str
    path: str


class GenerateRequest(Body):
    """`POST /generate` of the contract; what is absent or null takes the settings' default."""

    prompt: str
    system: str | None = None
    context: str | None = ""
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_new_tokens: NewTokens | None = None
    stop: list[str] | None = None
    adapter: AdapterList = None
    priority: Priority | None = None
    timeout_s: TimeoutS | None = None


class HistoryMessage(Body):
    """One message of the conversation before a question."""

    role: Literal["user", "assistant"]
    content: str


class ChatRequest(Body):
    """`POST /api/ai/chat` of the contract; `stream` asks for server-sent events, `history` is the
    conversation before the message, oldest first."""

    message: str
    forceFallback: Flag | None = False  # noqa: N815
    tau: Unit | None = None
    stream: Flag | None = False
    seed: Seed | None = None
    adapter: AdapterList = None
    history: Annotated[list[HistoryMessage] | None, Field(max_length=1000)] = None


def messages_of(history: list[HistoryMessage] | None) -> tuple[Message, ...]:
    """As the router takes them; empty ones say nothing."""
    return tuple(Message(m.role, m.content) for m in history or () if m.content.strip())


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
    """One turn in OpenAI's form; a content given as a list of text parts becomes one text, and one that is
    null beside tool calls is empty."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str
    tool_calls: list[SentToolCall] | None = None
    tool_call_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_text(cls, message: object) -> object:
        if isinstance(message, dict) and message.get("role") == "assistant" and message.get("tool_calls"):
            return {**message, "content": message.get("content") or ""}
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
        raise ValueError("it must be auto, none, required or {'type': 'function', 'function': {'name': ...}}")
    return {"mode": "required", "name": function["name"]}


def _bias_by_token(value: object) -> object:
    """JSON has texts for keys; they must be token ids."""
    if isinstance(value, dict):
        if wrong := [key for key in value if not str(key).isdecimal() or not str(key).isascii()]:
            raise ValueError(f"the key {wrong[0]!r} is no token id")
        return {int(key): bias for key, bias in value.items()}
    return value


class CompletionRequest(Body):
    """`POST /v1/chat/completions`: the fields AION acts on, OpenAI's and some that others have added."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
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
    logprobs: Flag | None = False
    top_logprobs: Annotated[int, Strict(), Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    grammar: str | None = None
    tools: Annotated[list[ToolSent], Field(max_length=128)] | None = None
    tool_choice: Annotated[ToolChoice | None, BeforeValidator(_tool_choice)] = None
    parallel_tool_calls: Flag | None = True
    ignore_eos: Flag | None = False
    min_tokens: Annotated[int, Strict(), Field(ge=0, le=131072)] | None = None
    adapter: AdapterList = None
    priority: Priority | None = None
    timeout_s: TimeoutS | None = None

    @field_validator("stop", mode="before")
    @classmethod
    def _listed(cls, stop: object) -> object:
        return [stop] if isinstance(stop, str) else stop
