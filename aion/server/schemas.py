"""What clients may send, as pydantic models. Unknown fields are ignored, wrong ones refused by name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    Strict,
)
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue

from aion.answer.question import MAX_CONVERSATION_CHARS
from aion.types import AdapterChoice, Message, Priority

NOT_BLANK: JsonDict = {"pattern": r"\S"}  # told in the document; who asks says it in a better sentence

Unit = Annotated[float, Strict(), Field(ge=0.0, le=1.0)]
Temperature = Annotated[float, Strict(), Field(ge=0.0, le=2.0)]
TopP = Annotated[float, Strict(), Field(gt=0.0, le=1.0)]
NewTokens = Annotated[int, Strict(), Field(ge=1, le=131072)]
Seed = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
ConversationId = Annotated[str, Field(max_length=MAX_CONVERSATION_CHARS)]
TimeoutS = Annotated[
    Annotated[float, Strict(), Field(gt=0.0, le=86400.0)] | None,
    Field(description="Seconds the whole answer may take, waiting included; no limit without it."),
]
Turn = Annotated[
    Priority | None,
    Field(description='"batch" waits for all that is "interactive", which is what a request is without it.'),
]
Tenant = Annotated[
    str | None,
    Field(description="Whose documents, where a key may use those of several; without it the key's own."),
]


class Body(BaseModel):
    """A request body; numbers are not taken from strings."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """With every name a field goes by: pydantic tells the first one only."""
        shown = handler(core_schema)
        properties = handler.resolve_ref_schema(shown).get("properties", {})
        for field in cls.model_fields.values():
            if isinstance(field.validation_alias, AliasChoices):
                first, *others = map(str, field.validation_alias.choices)
                properties |= {
                    name: {**properties[first], "description": f"The same as {first}."} for name in others
                }
        return shown


class AdapterScale(Body):
    """An adapter by name with the strength of its effect."""

    name: str = Field(description="Which adapter, as `GET /v1/adapters` names it.")
    scale: Annotated[float, Strict()] = Field(
        1.0, description="How strongly it acts: 1 as trained, 0 not at all."
    )


def _adapter_list(value: object) -> object:
    """One adapter or several, each a name or an object; "none" is the base alone."""
    if value is None or value == []:
        return value
    if value == "none":
        return []
    items = value if isinstance(value, list) else [value]
    return [{"name": item} if isinstance(item, str) else item for item in items]


AdapterList = Annotated[
    list[AdapterScale] | None,
    BeforeValidator(
        _adapter_list, json_schema_input_type=str | AdapterScale | list[str | AdapterScale] | None
    ),
    Field(
        description='Which adapters act: a name, {"name", "scale"}, a list of either, or "none" for the base '
        "model alone; the default adapter without it."
    ),
]


def adapter_choices(adapters: list[AdapterScale] | None) -> list[AdapterChoice] | None:
    """As the engine takes them; None is the service's default."""
    return None if adapters is None else [AdapterChoice(a.name, a.scale) for a in adapters]


class ReloadRequest(Body):
    """`POST /adapter/reload`: the contract sends no body; `path` names another adapter than the setting."""

    path: str | None = Field(
        None, description="A GGUF adapter or a PEFT folder of this machine; AION_ADAPTER_DIR without it."
    )


class AdapterRequest(Body):
    """`POST /v1/adapters`: a GGUF adapter or a PEFT folder of this machine, and its name from now on."""

    name: str = Field(description="What requests call it from now on: letters, digits, dots and dashes.")
    path: str = Field(description="A GGUF adapter, or a PEFT folder, of the machine AION runs on.")


class GenerateRequest(Body):
    """`POST /generate` of the contract; what is absent or null takes the settings' default."""

    prompt: str = Field(description="What is asked; not empty.", json_schema_extra=NOT_BLANK)
    system: str | None = Field(None, description="How the model is to answer; AION_SYSTEM_PROMPT without it.")
    context: str | None = Field("", description="Text that the answer is to be taken from.")
    temperature: Temperature | None = Field(
        None, description="0 takes the likeliest token each time; AION_TEMPERATURE without it."
    )
    top_p: TopP | None = Field(
        None, description="Only the likeliest tokens of this share are drawn from; AION_TOP_P without it."
    )
    max_new_tokens: NewTokens | None = Field(
        None, description="Where the text ends at the latest; AION_MAX_NEW_TOKENS without it."
    )
    stop: list[str] | None = Field(
        None, description="The text ends before the first of these; they are not in it."
    )
    adapter: AdapterList = None
    priority: Turn = None
    timeout_s: TimeoutS = None


class HistoryMessage(Body):
    """One message of the conversation before a question."""

    role: Literal["user", "assistant"] = Field(description="Who said it.")
    content: str = Field(description="What was said.")


class ChatRequest(Body):
    """`POST /api/ai/chat` of the contract; `stream` asks for server-sent events. The conversation before the
    message is `history`, oldest first, or what AION itself has of `conversation_id`."""

    message: str = Field(description="The question; not empty.", json_schema_extra=NOT_BLANK)
    forceFallback: Flag | None = Field(  # noqa: N815
        False, description="Ask the paid API whatever the documents say, within the budget; takes an admin."
    )
    tau: Unit | None = Field(
        None, description="The least C with which the local model answers; AION_TAU_CONFIDENCE without it."
    )
    stream: Flag | None = Field(False, description="Answer in server-sent events, word by word.")
    seed: Seed | None = Field(None, description="The same seed and question draw the same tokens again.")
    adapter: AdapterList = None
    history: Annotated[list[HistoryMessage] | None, Field(max_length=1000)] = Field(
        None, description="The conversation before the message, oldest first."
    )
    conversation_id: ConversationId | None = Field(
        None, description="A conversation that AION keeps by this name, in place of `history`."
    )
    tenant: Tenant = None


def messages_of(history: list[HistoryMessage] | None) -> tuple[Message, ...]:
    """As the router takes them; empty ones say nothing."""
    return tuple(Message(m.role, m.content) for m in history or () if m.content.strip())
