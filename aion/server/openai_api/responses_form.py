"""An answer in the form of OpenAI's responses: items, and the events in which they come."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from aion.engine.tools.events import Arguments, CallBegins, ParseEvent, Text
from aion.engine.tools.parser import CallParser
from aion.server.openai_api.form import logprobs_json
from aion.server.openai_api.responses_schemas import ResponsesRequest
from aion.types import FinishReason, TokenLogprob, Usage

Event = dict[str, Any]


class ResponseWriter:
    """Takes the text of one answer as it comes and tells it in events; `response` is the whole, true after
    each event. A text without tools is one message."""

    def __init__(self, body: ResponsesRequest, model: str, parser: CallParser | None) -> None:
        self._parser = parser
        self._n_events = 0
        self._item: dict[str, Any] | None = None
        self.response: dict[str, Any] = {
            "id": f"resp_{uuid.uuid4().hex}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "metadata": body.metadata or {},
            "model": model,
            "output": [],
            "parallel_tool_calls": body.parallel_tool_calls is not False,
            "previous_response_id": None,
            "store": False,
            "temperature": body.temperature,
            "text": _text_json(body),
            "tool_choice": body.tool_choice or "auto",
            "tools": [tool.model_dump() for tool in body.tools or ()],
            "top_p": body.top_p,
            "truncation": "disabled",
            "usage": None,
        }

    def begin(self) -> list[Event]:
        """That the answer is under way."""
        return [
            self._event(f"response.{name}", response=dict(self.response))
            for name in ("created", "in_progress")
        ]

    def push(self, text: str, logprobs: Sequence[TokenLogprob] = ()) -> list[Event]:
        """A piece of generated text."""
        if self._parser is None:
            return list(self._said(text, logprobs)) if text or logprobs else []
        return [told for event in self._parser.push(text) for told in self._parsed(event)]

    def end(self, reason: FinishReason, usage: Usage) -> list[Event]:
        """What was held back, the end of the last item, and the whole."""
        told = [e for event in (self._parser.finish() if self._parser else ()) for e in self._parsed(event)]
        if not self.response["output"] and self._item is None:
            told += self._said("", ())
        is_cut = reason == "length"
        told += self._close("incomplete" if is_cut else "completed")
        self.response |= {
            "status": "incomplete" if is_cut else "completed",
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "usage": _usage_json(usage),
        }
        return [*told, self._event(f"response.{self.response['status']}", response=self.response)]

    def fail(self, message: str, code: str) -> list[Event]:
        """That the answer broke off."""
        self.response |= {"status": "failed", "error": {"code": code, "message": message}}
        return [self._event("response.failed", response=self.response)]

    def _parsed(self, event: ParseEvent) -> Iterator[Event]:
        match event:
            case Text(piece):
                yield from self._said(piece, ())
            case CallBegins(_, identity, name):
                yield from self._close("completed")
                call = {"type": "function_call", "id": f"fc_{uuid.uuid4().hex}", "call_id": identity}
                yield self._open({**call, "name": name, "arguments": "", "status": "in_progress"})
            case Arguments(_, piece):
                assert self._item is not None
                self._item["arguments"] += piece
                yield self._of_item("response.function_call_arguments.delta", delta=piece)

    def _said(self, text: str, logprobs: Sequence[TokenLogprob]) -> Iterator[Event]:
        if self._item is None or self._item["type"] != "message":
            yield from self._close("completed")
            message = {"type": "message", "id": f"msg_{uuid.uuid4().hex}", "role": "assistant"}
            yield self._open({**message, "content": [], "status": "in_progress"})
            assert self._item is not None
            part: dict[str, Any] = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            self._item["content"].append(part)
            yield self._of_part("response.content_part.added", part=dict(part))
        part = self._item["content"][0]
        told = logprobs_json(logprobs)["content"] if logprobs else []
        part["text"] += text
        part["logprobs"] += told
        yield self._of_part("response.output_text.delta", delta=text, logprobs=told)

    def _open(self, item: dict[str, Any]) -> Event:
        self._item = item
        shown = {**item, "content": []} if item["type"] == "message" else dict(item)
        return self._event("response.output_item.added", output_index=self._n_items, item=shown)

    def _close(self, status: str) -> Iterator[Event]:
        """The end of the item that is open, if one is."""
        item = self._item
        if item is None:
            return
        item["status"] = status
        if item["type"] == "message":
            part = item["content"][0]
            yield self._of_part("response.output_text.done", text=part["text"], logprobs=part["logprobs"])
            yield self._of_part("response.content_part.done", part=part)
        else:
            yield self._of_item("response.function_call_arguments.done", arguments=item["arguments"])
        yield self._event("response.output_item.done", output_index=self._n_items, item=item)
        self.response["output"].append(item)
        self._item = None

    @property
    def _n_items(self) -> int:
        """Those that are whole: the index of the one that is open."""
        return len(self.response["output"])

    def _of_item(self, kind: str, **more: object) -> Event:
        assert self._item is not None
        return self._event(kind, item_id=self._item["id"], output_index=self._n_items, **more)

    def _of_part(self, kind: str, **more: object) -> Event:
        return self._of_item(kind, content_index=0, **more)

    def _event(self, kind: str, **more: object) -> Event:
        self._n_events += 1
        return {"type": kind, "sequence_number": self._n_events - 1, **more}


def _text_json(body: ResponsesRequest) -> dict[str, object]:
    wanted = body.text.format if body.text else None
    shown = wanted.model_dump(by_alias=True, exclude_none=True) if wanted else {"type": "text"}
    return {"format": shown}


def _usage_json(usage: Usage) -> dict[str, object]:
    return {
        "input_tokens": usage.n_prompt,
        "input_tokens_details": {"cached_tokens": usage.n_cached},
        "output_tokens": usage.n_completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.n_prompt + usage.n_completion,
    }
