"""What AION made, in the JSON of OpenAI's chat completions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aion.server.event_stream import frame
from aion.server.failures import error_body
from aion.server.openai_api.choices import SHUTTING_DOWN
from aion.types import Completion, FinishReason, TokenLogprob, Usage

DONE = frame("[DONE]")
LAST_WORDS = frame(error_body(SHUTTING_DOWN, "server_error")) + DONE  # where the server stops before the end

_JSON = json.JSONEncoder(ensure_ascii=False)


def completion_json(
    head: dict[str, Any], completions: Sequence[Completion], *, with_logprobs: bool
) -> dict[str, Any]:
    """A whole answer; `head` has its id, time and model."""
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": made.text},
            "finish_reason": made.reason,
            "logprobs": logprobs_json(made.logprobs) if with_logprobs else None,
        }
        for index, made in enumerate(completions)
    ]
    usage = usage_json([made.usage for made in completions])
    return {**head, "object": "chat.completion", "choices": choices, "usage": usage}


class Chunks:
    """The pieces of a streamed answer as events; `head` has its id, time and model."""

    def __init__(self, head: dict[str, Any]) -> None:
        self._head = {**head, "object": "chat.completion.chunk"}
        self._around: dict[int, tuple[bytes, bytes]] = {}  # by choice: what never changes beside its text

    def text(self, index: int, text: str, logprobs: Sequence[TokenLogprob] = ()) -> bytes:
        """A piece of a choice's text. Made for every token, so all but the text is made once."""
        if logprobs:
            return self.choice(index, {"content": text}, None, logprobs)
        if index not in self._around:
            before, after = self.choice(index, {"content": ""}).split(b'"content": ""')
            self._around[index] = (before + b'"content": ', after)
        before, after = self._around[index]
        return before + _JSON.encode(text).encode() + after

    def choice(
        self,
        index: int,
        delta: dict[str, Any],
        finish_reason: str | None = None,
        logprobs: Sequence[TokenLogprob] = (),
    ) -> bytes:
        """Any piece of a choice."""
        told = logprobs_json(logprobs) if logprobs else None
        choice = {"index": index, "delta": delta, "finish_reason": finish_reason, "logprobs": told}
        return frame({**self._head, "choices": [choice]})

    def end(self, index: int, reason: FinishReason) -> bytes:
        """The last piece of a choice."""
        return self.choice(index, {}, reason)

    def usage(self, usages: Sequence[Usage]) -> bytes:
        """The last piece of a stream that was asked for its usage."""
        return frame({**self._head, "choices": [], "usage": usage_json(usages)})


def usage_json(usages: Sequence[Usage]) -> dict[str, object]:
    """Counts over all choices; their prompt is one."""
    n_prompt, n_completion = usages[0].n_prompt, sum(usage.n_completion for usage in usages)
    return {
        "prompt_tokens": n_prompt,
        "completion_tokens": n_completion,
        "total_tokens": n_prompt + n_completion,
        "prompt_tokens_details": {"cached_tokens": min(usage.n_cached for usage in usages)},
    }


def logprobs_json(told: Sequence[TokenLogprob]) -> dict[str, object]:
    return {"content": [{**_token(t), "top_logprobs": [_token(top) for top in t.top]} for t in told]}


def _token(told: TokenLogprob) -> dict[str, object]:
    text = told.piece.decode("utf-8", "replace")
    return {"token": text, "logprob": told.logprob, "bytes": list(told.piece)}
