"""Messages and tools as chat templates know them: the objects of Hugging Face's `apply_chat_template`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from aion.engine.marks import Guard
from aion.types import Message, Tool

_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")


def message_value(message: Message, content: Guard, leaf: Guard) -> dict[str, Any]:
    """`content` guards the text of the message, `leaf` every other text of others in it. Keys that say
    nothing are left out: templates ask whether they are there."""
    value: dict[str, Any] = {"role": message.role, "content": content(message.content)}
    if message.tool_calls:
        value["tool_calls"] = [
            {
                "id": leaf(call.id),
                "type": "function",
                "function": {"name": leaf(call.name), "arguments": guarded(_object(call.arguments), leaf)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        value["tool_call_id"] = leaf(message.tool_call_id)
    return value


def tool_value(tool: Tool, leaf: Guard) -> dict[str, Any]:
    """In the order of OpenAI's documentation, in which models have seen it."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    value: dict[str, Any] = guarded({"type": "function", "function": function}, leaf)
    return value


def guarded(value: Any, leaf: Guard) -> Any:
    """JSON with each of its texts, keys too, guarded."""
    if isinstance(value, str):
        return leaf(value)
    if isinstance(value, list):
        return [guarded(each, leaf) for each in value]
    if isinstance(value, dict):
        return {leaf(str(key)): guarded(each, leaf) for key, each in value.items()}
    return value


def texts_of(messages: Sequence[Message], tools: Sequence[Tool]) -> Iterator[str]:
    """Every text of others that a template may write."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    for message in messages:
        message_value(message, note, note)
    for tool in tools:
        tool_value(tool, note)
    yield from found


def with_short_ids(messages: Sequence[Message]) -> list[Message]:
    """Calls and results under ids of nine letters and digits, which Mistral's templates insist on; those
    that belonged together still do."""
    return [
        replace(
            message,
            tool_calls=tuple(replace(call, id=_short(call.id)) for call in message.tool_calls),
            tool_call_id=_short(message.tool_call_id) if message.role == "tool" else "",
        )
        for message in messages
    ]


def _short(given: str) -> str:
    return given if _SHORT_ID.fullmatch(given) else hashlib.sha256(given.encode()).hexdigest()[:9]


def _object(arguments: str) -> Any:
    return json.loads(arguments) if arguments.strip() else {}
