"""What clients may send, as pydantic models. Unknown fields are ignored, wrong ones refused by name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict

from aion.answer.question import MAX_CONVERSATION_CHARS
from aion.types import AdapterChoice, Message, Priority

Unit = Annotated[float, Strict(), Field(ge=0.0, le=1.0)]
Temperature = Annotated[float, Strict(), Field(ge=0.0, le=2.0)]
TopP = Annotated[float, Strict(), Field(gt=0.0, le=1.0)]
NewTokens = Annotated[int, Strict(), Field(ge=1, le=131072)]
Seed = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
ConversationId = Annotated[str, Field(max_length=MAX_CONVERSATION_CHARS)]
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
    """`POST /api/ai/chat` of the contract; `stream` asks for server-sent events. The conversation before the
    message is `history`, oldest first, or what AION itself has of `conversation_id`."""

    message: str
    forceFallback: Flag | None = False  # noqa: N815
    tau: Unit | None = None
    stream: Flag | None = False
    seed: Seed | None = None
    adapter: AdapterList = None
    history: Annotated[list[HistoryMessage] | None, Field(max_length=1000)] = None
    conversation_id: ConversationId | None = None
    tenant: str | None = None


def messages_of(history: list[HistoryMessage] | None) -> tuple[Message, ...]:
    """As the router takes them; empty ones say nothing."""
    return tuple(Message(m.role, m.content) for m in history or () if m.content.strip())
