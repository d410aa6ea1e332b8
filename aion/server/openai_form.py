"""What AION made, in the JSON of OpenAI's chat completions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aion.types import Completion, FinishReason, TokenLogprob, Usage


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


def chunk(
    head: dict[str, Any],
    index: int,
    delta: dict[str, str],
    finish_reason: FinishReason | None = None,
    logprobs: Sequence[TokenLogprob] = (),
) -> str:
    """One piece of a streamed choice."""
    told = logprobs_json(logprobs) if logprobs else None
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason, "logprobs": told}
    return json.dumps({**head, "object": "chat.completion.chunk", "choices": [choice]}, ensure_ascii=False)


def usage_chunk(head: dict[str, Any], usages: Sequence[Usage]) -> str:
    """The last chunk of a stream that was asked for its usage."""
    body = {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage_json(usages)}
    return json.dumps(body)


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
