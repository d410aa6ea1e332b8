"""What clients of OpenAI's surface may send, as pydantic models."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, Strict, field_validator, model_validator

from aion.server.openai_api.tool_schemas import ToolChoice, ToolSent, ToolWish, tool_wish
from aion.server.schemas import (
    AdapterList,
    Body,
    ConversationId,
    Flag,
    NewTokens,
    Seed,
    Temperature,
    Tenant,
    TimeoutS,
    TopP,
    Turn,
    Unit,
)

Penalty = Annotated[float, Strict(), Field(ge=-2.0, le=2.0)]
Bias = Annotated[float, Strict(), Field(ge=-100.0, le=100.0)]
Stop = Annotated[str, Field(min_length=1)]
_ARGUMENTS = str | dict[str, object]


class SentFunctionCall(Body):
    """What an assistant called; `arguments` is a JSON object as text, or one as it is."""

    name: str = Field(description="The function's name.")
    arguments: str = Field("", description="Its arguments: a JSON object, as text or as it is.")

    @field_validator("arguments", mode="before", json_schema_input_type=_ARGUMENTS)
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
    """A call that an assistant made."""

    id: str = Field(description="What the tool's answer names as its `tool_call_id`.")
    type: Literal["function"] = Field("function", description="The only kind there is.")
    function: SentFunctionCall = Field(description="What was called.")


class TextPart(Body):
    """A part of a message; images, sound and files are refused."""

    type: Literal["text"] = Field(description="The only kind that is read.")
    text: str = Field(description="The text; parts are joined as they come.")


class ChatMessage(Body):
    """One turn in OpenAI's form; a content given as a list of text parts becomes one text, and an assistant's
    that is null, as beside tool calls or a refusal, is empty."""

    role: Literal["system", "developer", "user", "assistant", "tool"] = Field(
        description='Who speaks; "developer" is "system".'
    )
    content: str = Field(
        description="The text, or a list of its parts; null only beside an assistant's calls."
    )
    tool_calls: list[SentToolCall] | None = Field(None, description="What the assistant called.")
    tool_call_id: str | None = Field(None, description="The call that a tool's message answers.")

    @model_validator(mode="before")
    @classmethod
    def _without_text(cls, message: object) -> object:
        if not isinstance(message, dict) or message.get("role") != "assistant":
            return message
        if message.get("content") is None and (message.get("tool_calls") or message.get("refusal")):
            return {**message, "content": ""}
        return message

    @field_validator("content", mode="before", json_schema_input_type=str | list[TextPart] | None)
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
    """What else a stream tells."""

    include_usage: Flag | None = Field(False, description="A last piece that counts the tokens.")


class JsonSchema(Body):
    """OpenAI's wrapping of a JSON schema; its name and `strict` change nothing."""

    schema_: dict[str, object] | Flag = Field(alias="schema", description="The JSON schema.")


class ResponseFormat(Body):
    """What the text must be: anything, a JSON object, or JSON that a schema accepts."""

    type: Literal["text", "json_object", "json_schema"] = Field(description="Which of the three.")
    json_schema: JsonSchema | None = Field(None, description="The schema; needed with that type.")


def _bias_by_token(value: object) -> object:
    """JSON has texts for keys; they must be token ids."""
    if isinstance(value, dict):
        if wrong := [key for key in value if not str(key).isdecimal() or not str(key).isascii()]:
            raise ValueError(f"the key {wrong[0]!r} is no token id")
        return {int(key): bias for key, bias in value.items()}
    return value


TokenId = Annotated[str, Field(pattern=r"^[0-9]+$")]
_Stops = Annotated[list[Stop], Field(max_length=64)]


class DocumentOptions(Body):
    """The `aion` object of a chat completion: whether the documents are asked (the model's name says so where
    `rag` does not), and how."""

    rag: Flag | None = Field(
        None, description="Whether the documents are asked; without it the model's name says so."
    )
    tau: Unit | None = Field(
        None, description="The least C with which the local model answers; AION_TAU_CONFIDENCE without it."
    )
    forceFallback: Flag | None = Field(  # noqa: N815
        False, description="Ask the paid API whatever the documents say, within the budget; takes an admin."
    )
    conversation_id: ConversationId | None = Field(
        None, description="A conversation that AION keeps by this name; used where one message alone is sent."
    )
    tenant: Tenant = None


class SampledRequest(Body):
    """What chat completions and text completions have in common: how the next token is chosen, and how the
    answer comes. OpenAI's fields and some that others have added."""

    model: str | None = Field(
        None, description="An adapter's name asks that adapter; any other name gets the model that is loaded."
    )
    stream: Flag | None = Field(False, description="Answer in server-sent events, piece by piece.")
    stream_options: StreamOptions | None = Field(None, description="What else a stream tells.")
    temperature: Temperature | None = Field(
        None, description="0 takes the likeliest token each time; AION_TEMPERATURE without it."
    )
    top_p: TopP | None = Field(
        None, description="Only the likeliest tokens of this share are drawn from; AION_TOP_P without it."
    )
    max_tokens: NewTokens | None = Field(
        None,
        validation_alias=AliasChoices("max_completion_tokens", "max_tokens"),
        description="Where an answer ends at the latest; AION_MAX_NEW_TOKENS without it.",
    )
    stop: _Stops | None = Field(
        None, description="An answer ends before the first of these: a text, or several."
    )
    seed: Seed | None = Field(None, description="The same seed and request draw the same tokens again.")
    n: Annotated[int, Strict(), Field(ge=1, le=16)] | None = Field(
        1, description="How many answers are made of the same prompt."
    )
    top_k: Annotated[int, Strict(), Field(ge=0, le=1_000_000)] | None = Field(
        None, description="Only so many of the likeliest tokens are drawn from; 0 is no limit."
    )
    min_p: Unit | None = Field(
        None, description="Tokens less likely than this share of the likeliest one are not drawn."
    )
    repetition_penalty: Annotated[float, Strict(), Field(ge=0.1, le=10.0)] | None = Field(
        None,
        validation_alias=AliasChoices("repetition_penalty", "repeat_penalty"),
        description="Over 1, tokens that were there already become less likely.",
    )
    frequency_penalty: Penalty | None = Field(
        None, description="Taken off a token's logit for each time it was there."
    )
    presence_penalty: Penalty | None = Field(None, description="Taken off a token's logit once it was there.")
    logit_bias: Annotated[
        dict[int, Bias] | None,
        BeforeValidator(_bias_by_token, json_schema_input_type=dict[TokenId, Bias] | None),
    ] = Field(None, description="Added to the logits of tokens, by their ids.")
    response_format: ResponseFormat | None = Field(None, description="What the text must be.")
    grammar: str | None = Field(None, description="A GBNF grammar that the text must follow.")
    ignore_eos: Flag | None = Field(False, description="Go on past the model's end, up to the limit.")
    min_tokens: Annotated[int, Strict(), Field(ge=0, le=131072)] | None = Field(
        None, description="The model's end is not drawn before so many tokens."
    )
    adapter: AdapterList = None
    priority: Turn = None
    timeout_s: TimeoutS = None

    @field_validator("stop", mode="before", json_schema_input_type=str | _Stops | None)
    @classmethod
    def _listed(cls, stop: object) -> object:
        return [stop] if isinstance(stop, str) else stop


class CompletionRequest(SampledRequest):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)] = Field(
        description="The conversation, oldest first."
    )
    logprobs: Flag | None = Field(False, description="Tell the log probability of each token.")
    top_logprobs: Annotated[int, Strict(), Field(ge=0, le=20)] | None = Field(
        None, description="And of so many others in its place; needs `logprobs`."
    )
    tools: Annotated[list[ToolSent], Field(max_length=128)] | None = Field(
        None, description="What the model may call; needs a model that was trained for it."
    )
    tool_choice: Annotated[ToolChoice | None, BeforeValidator(tool_wish, json_schema_input_type=ToolWish)] = (
        Field(None, description='Whether a tool is called, and which; "auto" where there are tools.')
    )
    parallel_tool_calls: Flag | None = Field(True, description="Several calls in one answer.")
    aion: DocumentOptions | None = Field(None, description="How the documents are asked, if they are.")


def _prompts(value: object) -> object:
    """One prompt or several, each a text or token ids."""
    is_one = isinstance(value, str) or (isinstance(value, list) and value and isinstance(value[0], int))
    return [value] if is_one else value


TokenIds = Annotated[list[Annotated[int, Strict(), Field(ge=0)]], Field(min_length=1)]
_Several = Annotated[list[str | TokenIds], Field(min_length=1, max_length=64)]
Prompts = Annotated[_Several, BeforeValidator(_prompts, json_schema_input_type=str | TokenIds | _Several)]


class TextCompletionRequest(SampledRequest):
    """`POST /v1/completions`: a text, or the ids of its tokens, gone on with as it is. `logprobs` is a number
    here; `echo` puts the prompt before each text."""

    prompt: Prompts = Field(description="A text or its token ids, or several of either.")
    logprobs: Annotated[int, Strict(), Field(ge=0, le=20)] | None = Field(
        None, description="Tell the log probability of each token, and of so many others in its place."
    )
    echo: Flag | None = Field(False, description="Put the prompt before each text.")
    suffix: str | None = Field(None, description="Not supported: refused unless empty.")
    best_of: Annotated[int, Strict(), Field(ge=1, le=16)] | None = Field(
        None, description="Only what `n` says anyway."
    )
