"""Answers in OpenAI's newer form: items, and the events in which they come."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from aion.server.openapi.answer import ABSENT, Shape
from aion.server.openapi.shapes.openai import CachedTokens, DrawnToken


class OutputText(Shape):
    """The text of a message."""

    type: Literal["output_text"] = Field(description="What this is.")
    text: str = Field(description="The text.")
    annotations: list[dict[str, Any]] = Field(description="Always empty.")
    logprobs: list[DrawnToken] = Field(description="Where they were asked for.")


ItemStatus = Literal["in_progress", "completed", "incomplete"]


class OutputMessage(Shape):
    """What the model says."""

    type: Literal["message"] = Field(description="What this is.")
    id: str = Field(description="Its id.")
    role: Literal["assistant"] = Field(description="Who says it.")
    content: list[OutputText] = Field(description="One text.")
    status: ItemStatus = Field(description="Whether it is whole.")


class OutputCall(Shape):
    """What the model calls."""

    type: Literal["function_call"] = Field(description="What this is.")
    id: str = Field(description="Its id.")
    call_id: str = Field(description="What the call's output names.")
    name: str = Field(description="The function.")
    arguments: str = Field(description="A JSON object as text.")
    status: ItemStatus = Field(description="Whether it is whole.")


class ReasoningTokens(Shape):
    """Of what was written."""

    reasoning_tokens: int = Field(description="Always 0.")


class ResponseUsage(Shape):
    """Tokens."""

    input_tokens: int = Field(description="Tokens that were read.")
    input_tokens_details: CachedTokens = Field(description="Of those.")
    output_tokens: int = Field(description="Tokens that were written.")
    output_tokens_details: ReasoningTokens = Field(description="Of those.")
    total_tokens: int = Field(description="Both.")


class ResponseError(Shape):
    """What broke it off."""

    code: str = Field(description="The kind of error.")
    message: str = Field(description="One sentence for a person.")


class Incomplete(Shape):
    """Why it is not whole."""

    reason: Literal["max_output_tokens"] = Field(description="The limit was reached.")


class Response(Shape):
    """An answer as items. Nothing of it is kept."""

    id: str = Field(description="Its id.")
    object: Literal["response"] = Field(description="What this is.")
    created_at: int = Field(description="When: seconds since 1970.")
    status: Literal["in_progress", "completed", "incomplete", "failed"] = Field(description="How far it is.")
    error: ResponseError | None = Field(description="What broke it off.")
    incomplete_details: Incomplete | None = Field(description="Why it is not whole.")
    instructions: str | None = Field(description="As they were sent.")
    max_output_tokens: int | None = Field(description="As it was sent.")
    metadata: dict[str, str] = Field(description="As it was sent.")
    model: str = Field(description="Who answered.")
    output: list[OutputMessage | OutputCall] = Field(description="What was said and called.")
    parallel_tool_calls: bool = Field(description="As it was sent.")
    previous_response_id: None = Field(description="Always null: no answer is kept.")
    store: Literal[False] = Field(description="Nothing is kept.")
    temperature: float | None = Field(description="As it was sent.")
    text: dict[str, Any] = Field(description="As it was sent.")
    tool_choice: str | dict[str, Any] = Field(description="As it was sent.")
    tools: list[dict[str, Any]] = Field(description="As they were sent.")
    top_p: float | None = Field(description="As it was sent.")
    truncation: Literal["disabled"] = Field(description="Nothing is left out of what was sent.")
    usage: ResponseUsage | None = Field(description="Tokens; null before the end.")


class ResponseEvent(Shape):
    """One of OpenAI's events. Which fields there are depends on the type: `delta` with text and arguments,
    `item` with items, `response` with the whole."""

    type: str = Field(description="The event's name: response.created, response.output_text.delta ...")
    sequence_number: int = Field(ABSENT, description="Which event, from 0.")
    response: Response = Field(ABSENT, description="The whole as it is so far.")
    item_id: str = Field(ABSENT, description="The item it is of.")
    output_index: int = Field(ABSENT, description="Which item, from 0.")
    content_index: int = Field(ABSENT, description="Always 0.")
    delta: str = Field(ABSENT, description="What is new.")
    item: OutputMessage | OutputCall = Field(ABSENT, description="The item, as it begins and as it ends.")
    part: OutputText = Field(ABSENT, description="The text, as it begins and as it ends.")
    logprobs: list[DrawnToken] = Field(ABSENT, description="Of what is new, or of the whole text.")
    text: str = Field(ABSENT, description="The whole text.")
    arguments: str = Field(ABSENT, description="The whole arguments.")
    code: str = Field(ABSENT, description="Of an error: its kind.")
    message: str = Field(ABSENT, description="Of an error: one sentence for a person.")
    param: str | None = Field(ABSENT, description="Of an error: always null.")
