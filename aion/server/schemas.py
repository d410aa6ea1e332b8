"""What clients may send, as pydantic models. Unknown fields are ignored, wrong ones refused by name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

Unit = Annotated[float, Field(ge=0.0, le=1.0)]
Temperature = Annotated[float, Field(ge=0.0, le=2.0)]
TopP = Annotated[float, Field(gt=0.0, le=1.0)]
NewTokens = Annotated[int, Field(ge=1, le=131072)]


class Body(BaseModel):
    """A request body; numbers are not taken from strings."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class GenerateRequest(Body):
    """`POST /generate` of the contract; what is absent or null takes the settings' default."""

    prompt: str
    system: str | None = None
    context: str | None = ""
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_new_tokens: NewTokens | None = None
    stop: list[str] | None = None


class ChatRequest(Body):
    """`POST /api/ai/chat` of the contract; `stream` asks for server-sent events."""

    message: str
    forceFallback: bool | None = False  # noqa: N815
    tau: Unit | None = None
    stream: bool = False
    seed: int | None = None


class TextPart(Body):
    """A part of a message's content in OpenAI's list form."""

    type: Literal["text"]
    text: str


class ChatMessage(Body):
    """One turn in OpenAI's form."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(Body):
    include_usage: bool = False


class CompletionRequest(Body):
    """`POST /v1/chat/completions`: the fields AION acts on."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    model: str | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_tokens: NewTokens | None = Field(
        None, validation_alias=AliasChoices("max_completion_tokens", "max_tokens")
    )
    stop: str | list[str] | None = None
    seed: int | None = None
    n: Literal[1] | None = 1

    @property
    def stop_strings(self) -> tuple[str, ...]:
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
