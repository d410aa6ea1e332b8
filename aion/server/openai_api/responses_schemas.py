"""What clients of `POST /v1/responses` may send, and the chat completion it amounts to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, field_validator

from aion.errors import InvalidRequest
from aion.server.openai_api.schemas import CompletionRequest
from aion.server.openai_api.tool_schemas import NamedTool, tool_wish
from aion.server.schemas import AdapterList, Body, Flag, NewTokens, Seed, Temperature, TimeoutS, TopP, Turn

_TEXT_PARTS = ("input_text", "output_text", "text")


class InputPart(Body):
    """A part of a text; images and files are refused."""

    type: Literal["input_text", "output_text", "text"] = Field(description="Whose text it is.")
    text: str = Field(description="The text; parts are joined as they come.")


class InputMessage(Body):
    """A message; its content is a text, or a list of text parts."""

    type: Literal["message"] = Field("message", description="What this item is.")
    role: Literal["system", "developer", "user", "assistant"] = Field(
        description='Who speaks; "developer" is "system".'
    )
    content: str = Field(description="The text, or a list of its parts.")

    @field_validator("content", mode="before", json_schema_input_type=str | list[InputPart])
    @classmethod
    def _joined(cls, content: object) -> object:
        return "".join(map(_part_text, content)) if isinstance(content, list) else content


class InputCall(Body):
    """A call the model made earlier; `arguments` is JSON as text."""

    type: Literal["function_call"] = Field(description="What this item is.")
    call_id: str = Field(description="What its output names.")
    name: str = Field(description="The function's name.")
    arguments: str = Field(description="Its arguments: a JSON object as text.")


class InputCallOutput(Body):
    """What that call brought: a text, or a list of text parts."""

    type: Literal["function_call_output"] = Field(description="What this item is.")
    call_id: str = Field(description="The call that it answers.")
    output: str = Field(description="What the function gave back: a text, or a list of its parts.")

    @field_validator("output", mode="before", json_schema_input_type=str | list[InputPart])
    @classmethod
    def _joined(cls, output: object) -> object:
        return "".join(map(_part_text, output)) if isinstance(output, list) else output


class InputReasoning(Body):
    """What another model thought; AION leaves it out."""

    type: Literal["reasoning"] = Field(description="What this item is.")


InputItem = Annotated[
    InputMessage | InputCall | InputCallOutput | InputReasoning, Field(discriminator="type")
]


SentItem = InputMessage | InputCall | InputCallOutput | InputReasoning


def _items(value: object) -> object:
    """A text is a message of the user; an item without a type is a message."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    if isinstance(value, list):
        return [{"type": "message", **item} if isinstance(item, dict) else item for item in value]
    return value


def _part_text(part: object) -> str:
    """The text of a part. Raises ValueError for images, files and the like."""
    if isinstance(part, dict) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str):
        return str(part["text"])
    kind = part.get("type") if isinstance(part, dict) else type(part).__name__
    raise ValueError(f"a part of type {kind!r} cannot be read; AION takes parts of type 'input_text'")


class TextFormat(Body):
    """What the text must be: anything, a JSON object, or JSON that `schema` accepts."""

    type: Literal["text", "json_object", "json_schema"] = Field(description="Which of the three.")
    name: str | None = Field(None, description="The schema's name; changes nothing.")
    schema_: dict[str, object] | Flag | None = Field(
        None, alias="schema", description="The JSON schema; needed with that type."
    )
    strict: Flag | None = Field(None, description="Changes nothing: a schema is always followed.")


class TextOptions(Body):
    """How the text is to be."""

    format: TextFormat | None = Field(None, description="What it must be.")


class FunctionTool(Body):
    """A function that may be called; tools that run on OpenAI's side are not known here."""

    type: Literal["function"] = Field(description="The only kind there is.")
    name: str = Field(description="Letters, digits, dots, dashes and underscores, 64 at most.")
    description: str | None = Field(None, description="What it does, for the model.")
    parameters: dict[str, object] | None = Field(None, description="The JSON schema of its arguments.")
    strict: Flag | None = Field(
        None, description="Refuse a schema that the arguments cannot be held to, in place of letting them be."
    )


class ChosenTool(Body):
    """The one tool that is to be called."""

    type: Literal["function"] = Field(description="The only kind there is.")
    name: str = Field(description="One of the functions in `tools`.")


_Choice = Literal["auto", "none", "required"] | ChosenTool | NamedTool | None


def _nested(choice: object) -> object:
    """`{"type": "function", "name"}` as chat completions have it."""
    if isinstance(choice, dict) and choice.get("type") == "function" and "name" in choice:
        return {"type": "function", "function": {"name": choice["name"]}}
    return choice


def _known_choice(choice: object) -> object:
    """As it came, once it is one. Raises ValueError."""
    tool_wish(_nested(choice))
    return choice


_LOGPROBS = "message.output_text.logprobs"
_NEEDS_MEMORY = {
    "previous_response_id": "previous_response_id names an answer that AION did not keep; send the whole "
    "conversation.",
    "conversation": "conversation names what AION did not keep; send the whole conversation as input.",
    "prompt": "prompt names a template that AION does not have; send its text as instructions and input.",
    "background": "background answers are not kept; leave background out and wait or stream.",
}


class ResponsesRequest(Body):
    """`POST /v1/responses`: nothing is kept, so the whole conversation comes with each request."""

    input: Annotated[
        list[InputItem],
        Field(min_length=1),
        BeforeValidator(_items, json_schema_input_type=str | Annotated[list[SentItem], Field(min_length=1)]),
    ] = Field(description="A text of the user, or the whole conversation as items, oldest first.")
    model: str | None = Field(
        None, description="An adapter's name asks that adapter; any other name gets the model that is loaded."
    )
    instructions: str | None = Field(None, description="How the model is to answer.")
    stream: Flag | None = Field(False, description="Answer in server-sent events, piece by piece.")
    temperature: Temperature | None = Field(
        None, description="0 takes the likeliest token each time; AION_TEMPERATURE without it."
    )
    top_p: TopP | None = Field(
        None, description="Only the likeliest tokens of this share are drawn from; AION_TOP_P without it."
    )
    max_output_tokens: NewTokens | None = Field(
        None, description="Where the answer ends at the latest; AION_MAX_NEW_TOKENS without it."
    )
    text: TextOptions | None = Field(None, description="How the text is to be.")
    tools: Annotated[list[FunctionTool], Field(max_length=128)] | None = Field(
        None, description="What the model may call; needs a model that was trained for it."
    )
    tool_choice: Annotated[Any, BeforeValidator(_known_choice, json_schema_input_type=_Choice)] = Field(
        None, description='Whether a tool is called, and which; "auto" where there are tools.'
    )
    parallel_tool_calls: Flag | None = Field(True, description="Several calls in one answer.")
    include: list[str] | None = Field(
        None, description=f'"{_LOGPROBS}" tells log probabilities; other names change nothing.'
    )
    top_logprobs: Annotated[int, Strict(), Field(ge=0, le=20)] | None = Field(
        None, description="Tell the log probability of each token, and of so many others in its place."
    )
    metadata: dict[str, str] | None = Field(None, description="Comes back as it was sent.")
    previous_response_id: str | None = Field(None, description="Refused: no answer is kept.")
    conversation: Any = Field(None, description="Refused: no conversation is kept here.")
    prompt: Any = Field(None, description="Refused: there are no templates.")
    background: Flag | None = Field(None, description="Refused where it is true.")
    seed: Seed | None = Field(None, description="The same seed and request draw the same tokens again.")
    adapter: AdapterList = None
    priority: Turn = None
    timeout_s: TimeoutS = None

    def completion(self) -> CompletionRequest:
        """The same in the form of a chat completion. Raises InvalidRequest for what needs a memory, and
        pydantic's ValidationError as chat completions do."""
        for param, sentence in _NEEDS_MEMORY.items():
            if getattr(self, param):
                raise InvalidRequest(sentence, param=param)
        whole = {
            "messages": self._messages(),
            "model": self.model,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_output_tokens,
            "response_format": self._format(),
            "tools": self._tools(),
            "tool_choice": _nested(self.tool_choice),
            "parallel_tool_calls": self.parallel_tool_calls,
            "logprobs": self.top_logprobs is not None or _LOGPROBS in (self.include or ()),
            "top_logprobs": self.top_logprobs,
            "seed": self.seed,
            "adapter": None if self.adapter is None else [one.model_dump() for one in self.adapter] or "none",
            "priority": self.priority,
            "timeout_s": self.timeout_s,
        }
        return CompletionRequest.model_validate(whole)

    def _messages(self) -> list[dict[str, object]]:
        """Calls that follow one another are of one turn of the assistant."""
        messages: list[dict[str, Any]] = []
        if self.instructions:
            messages.append({"role": "system", "content": self.instructions})
        for item in self.input:
            match item:
                case InputMessage():
                    messages.append({"role": item.role, "content": item.content})
                case InputCall():
                    if not messages or messages[-1]["role"] != "assistant":
                        messages.append({"role": "assistant", "content": ""})
                    function = {"name": item.name, "arguments": item.arguments}
                    call = {"id": item.call_id, "type": "function", "function": function}
                    messages[-1].setdefault("tool_calls", []).append(call)
                case InputCallOutput():
                    messages.append({"role": "tool", "content": item.output, "tool_call_id": item.call_id})
                case InputReasoning():
                    pass
        return messages

    def _format(self) -> dict[str, object] | None:
        wanted = self.text.format if self.text else None
        if wanted is None:
            return None
        if wanted.type != "json_schema" or wanted.schema_ is None:
            return {"type": wanted.type}
        return {"type": "json_schema", "json_schema": {"schema": wanted.schema_}}

    def _tools(self) -> list[dict[str, object]] | None:
        if self.tools is None:
            return None
        return [{"type": "function", "function": tool.model_dump(exclude={"type"})} for tool in self.tools]
