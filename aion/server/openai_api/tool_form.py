"""Tool calls in the JSON of OpenAI's chat completions, streamed and not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aion.engine.tools.events import Arguments, CallBegins, ParseEvent, Text
from aion.engine.tools.parser import CallParser
from aion.server.openai_api.form import Chunks
from aion.server.openai_api.tools import Calling
from aion.types import Completion, FinishReason, TokenLogprob


class CallChunks(Chunks):
    """The pieces of `n` streamed choices of a request with tools: calls are told apart from texts."""

    def __init__(self, head: dict[str, Any], calling: Calling, n: int) -> None:
        super().__init__(head)
        self._parsers = [calling.parser(is_streamed=True) for _ in range(n)]

    def text(self, index: int, text: str, logprobs: Sequence[TokenLogprob] = ()) -> bytes:
        """What can be told now; b"" for nothing."""
        told = [_delta(event) for event in self._parsers[index].push(text)]
        if logprobs and not told:
            told = [{"content": ""}]
        made = (self.choice(index, each, None, () if n else logprobs) for n, each in enumerate(told))
        return b"".join(made)

    def end(self, index: int, reason: FinishReason) -> bytes:
        """What was held back, and the end of the choice."""
        parser = self._parsers[index]
        told = [self.choice(index, _delta(event)) for event in parser.finish()]
        return b"".join([*told, self.choice(index, {}, _reason(parser, reason))])


def with_calls(choices: list[dict[str, Any]], made: list[Completion], calling: Calling) -> None:
    """Put the calls in the texts of `made` into the choices of a whole answer."""
    for choice, completion in zip(choices, made, strict=True):
        parser = calling.parser(is_streamed=False)
        events = parser.push(completion.text) + parser.finish()
        choice["message"] = _message(events)
        choice["finish_reason"] = _reason(parser, completion.reason)


def _message(events: list[ParseEvent]) -> dict[str, Any]:
    text, calls = "", list[dict[str, Any]]()
    for event in events:
        match event:
            case Text(piece):
                text += piece
            case CallBegins(_, identity, name):
                function = {"name": name, "arguments": ""}
                calls.append({"id": identity, "type": "function", "function": function})
            case Arguments(index, piece):
                calls[index]["function"]["arguments"] += piece
    message: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else "")}
    return message | {"tool_calls": calls} if calls else message


def _delta(event: ParseEvent) -> dict[str, Any]:
    match event:
        case Text(piece):
            return {"content": piece}
        case CallBegins(index, identity, name):
            function = {"name": name, "arguments": ""}
            call = {"index": index, "id": identity, "type": "function", "function": function}
        case Arguments(index, piece):
            call = {"index": index, "function": {"arguments": piece}}
    return {"tool_calls": [call]}


def _reason(parser: CallParser, reason: FinishReason) -> str:
    return "tool_calls" if parser.n_calls and reason == "stop" else reason
