"""What clients of `POST /v1/responses` may send, and the chat completion it amounts to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, field_validator

from aion.errors import InvalidRequest
from aion.server.openai_schemas import CompletionRequest
from aion.server.schemas import AdapterList, Body, Flag, NewTokens, Seed, Temperature, TimeoutS, TopP
from aion.types import Priority

_TEXT_PARTS = ("input_text", "output_text", "text")


class InputMessage(Body):
    """A message; its content is a text, or a list of text parts."""

    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: str

    @field_validator("content", mode="before")
    @classmethod
    def _joined(cls, content: object) -> object:
        return "".join(map(_part_text, content)) if isinstance(content, list) else content


class InputCall(Body):
    """A call the model made earlier; `arguments` is JSON as text."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str


class InputCallOutput(Body):
    """What that call brought: a text, or a list of text parts."""

    type: Literal["function_call_output"]
    call_id: str
    output: str

    @field_validator("output", mode="before")
    @classmethod
    def _joined(cls, output: object) -> object:
        return "".join(map(_part_text, output)) if isinstance(output, list) else output


class InputReasoning(Body):
    """What another model thought; AION leaves it out."""

    type: Literal["reasoning"]


InputItem = Annotated[
    InputMessage | InputCall | InputCallOutput | InputReasoning, Field(discriminator="type")
]


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

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema_: dict[str, object] | bool | None = Field(None, alias="schema")
    strict: Flag | None = None


class TextOptions(Body):
    format: TextFormat | None = None


class FunctionTool(Body):
    """A function that may be called; tools that run on OpenAI's side are not known here."""

    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: Flag | None = None


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

    input: Annotated[list[InputItem], Field(min_length=1), BeforeValidator(_items)]
    model: str | None = None
    instructions: str | None = None
    stream: Flag | None = False
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_output_tokens: NewTokens | None = None
    text: TextOptions | None = None
    tools: Annotated[list[FunctionTool], Field(max_length=128)] | None = None
    tool_choice: Any = None
    parallel_tool_calls: Flag | None = True
    include: list[str] | None = None
    top_logprobs: Annotated[int, Strict(), Field(ge=0, le=20)] | None = None
    metadata: dict[str, str] | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    background: Flag | None = None
    seed: Seed | None = None
    adapter: AdapterList = None
    priority: Priority | None = None
    timeout_s: TimeoutS | None = None

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
            "tool_choice": self._choice(),
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

    def _choice(self) -> object:
        """`{"type": "function", "name"}` here is nested there."""
        choice = self.tool_choice
        if isinstance(choice, dict) and choice.get("type") == "function" and "name" in choice:
            return {"type": "function", "function": {"name": choice["name"]}}
        return choice
