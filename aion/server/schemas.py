"""What clients may send, as pydantic models. Unknown fields are ignored, wrong ones refused by name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, Strict, field_validator

from aion.types import AdapterChoice

Unit = Annotated[float, Strict(), Field(ge=0.0, le=1.0)]
Temperature = Annotated[float, Strict(), Field(ge=0.0, le=2.0)]
TopP = Annotated[float, Strict(), Field(gt=0.0, le=1.0)]
NewTokens = Annotated[int, Strict(), Field(ge=1, le=131072)]
Seed = Annotated[int, Strict()]
Penalty = Annotated[float, Strict(), Field(ge=-2.0, le=2.0)]
Bias = Annotated[float, Strict(), Field(ge=-100.0, le=100.0)]
Stop = Annotated[str, Field(min_length=1)]
Flag = Annotated[bool, Strict()]


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


class ChatRequest(Body):
    """`POST /api/ai/chat` of the contract; `stream` asks for server-sent events."""

    message: str
    forceFallback: Flag | None = False  # noqa: N815
    tau: Unit | None = None
    stream: Flag | None = False
    seed: Seed | None = None
    adapter: AdapterList = None


class ChatMessage(Body):
    """One turn in OpenAI's form; a content given as a list of text parts becomes one text."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str

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
    ignore_eos: Flag | None = False
    min_tokens: Annotated[int, Strict(), Field(ge=0, le=131072)] | None = None
    adapter: AdapterList = None

    @field_validator("stop", mode="before")
    @classmethod
    def _listed(cls, stop: object) -> object:
        return [stop] if isinstance(stop, str) else stop
