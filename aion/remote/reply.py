"""What a server answered, piece by piece: its text, why it ended, what it says it used.

Pure data in and out; nothing of it is trusted. Knows no HTTP.
"""

from __future__ import annotations

import json
from typing import Any

from aion.types import FinishReason, Usage

_MAX_TOKENS = 10**9  # what a server claims to have used beyond this is no number of tokens
_CHARS_A_TOKEN = 32  # far above any language's; beyond it a server writes on past its limit


class Broken(Exception):
    """What came is no answer; the message follows "sent"."""


class ErrorTold(Exception):
    """The server sent an error in place of an answer."""


class NoText(Exception):
    """The answer ended and nothing was written; the message says why."""


class Reply:
    """One answer as it is read. `usage` is what the server told last, None when that was nothing."""

    def __init__(self, max_new_tokens: int) -> None:
        self.usage: Usage | None = None
        self.model = ""
        self.finish = ""
        self.n_deltas = 0
        self._n_chars = 0
        self._is_declined = False
        self._most_chars = 1024 + _CHARS_A_TOKEN * max_new_tokens

    @property
    def credible_usage(self) -> Usage | None:
        """`usage`, unless it says that a text came of nothing."""
        usage = self.usage
        return usage if usage and usage.n_prompt and (usage.n_completion or not self.n_deltas) else None

    @property
    def is_complete(self) -> bool:
        """Whether the answer has come to an end that the server named."""
        return bool(self.finish)

    def piece(self, data: str) -> str:
        """The text of a streamed chunk, "" where it has none. Raises Broken, ErrorTold."""
        chunk = _object(data, "a stream event")
        return self._taken(chunk, "delta")

    def whole(self, data: str) -> str:
        """The text of an answer that was not streamed. Raises Broken, ErrorTold, NoText."""
        answer = _object(data, "a body")
        text = self._taken(answer, "message")
        self.finish = self.finish or "stop"
        self.check()
        return text

    def done(self) -> None:
        """The server says that this was all; some name no other end."""
        self.finish = self.finish or ("stop" if self.n_deltas else "")

    def check(self) -> None:
        """Raise NoText when the answer is over and empty."""
        if self._n_chars:
            return
        if self._is_declined or self.finish == "content_filter":
            raise NoText("it declined to answer")
        if self.finish in ("length", "max_tokens"):
            raise NoText("its tokens were used up before the first word")
        raise NoText("the content was empty")

    @property
    def reason(self) -> FinishReason:
        """Why the text ended."""
        known: dict[str, FinishReason] = {
            "length": "length", "max_tokens": "length", "abort": "abort", "error": "error",
            "content_filter": "error",
        }  # fmt: skip
        return known.get(self.finish, "stop")

    def _taken(self, answer: dict[str, Any], key: str) -> str:
        if error := answer.get("error"):
            told = error.get("message") if isinstance(error, dict) else error
            raise ErrorTold(str(told or "it did not say which"))
        if isinstance(model := answer.get("model"), str):
            self.model = model
        self.usage = read_usage(answer.get("usage")) or self.usage
        choices = answer.get("choices")
        if not isinstance(choices, list) or (key == "message" and not choices):
            raise Broken("JSON without choices")
        if not choices:
            return ""
        choice = choices[0]
        if not isinstance(choice, dict) or not isinstance(choice.get(key) or {}, dict):
            raise Broken(f"a choice without a {key}")
        said = choice.get(key) or {}
        self._is_declined = self._is_declined or bool(said.get("refusal"))
        text = _text(said.get("content"))
        self._count(text)
        if isinstance(finish := choice.get("finish_reason"), str):
            self.finish = finish
        return text

    def _count(self, text: str) -> None:
        self.n_deltas += bool(text)
        self._n_chars += len(text)
        if self._n_chars > self._most_chars:
            raise Broken("far more text than the tokens it was allowed")


def read_usage(told: object) -> Usage | None:
    """OpenAI's usage object; None where there is none or its numbers are none."""
    if not isinstance(told, dict):
        return None
    n_prompt, n_completion = _count(told.get("prompt_tokens")), _count(told.get("completion_tokens"))
    if n_prompt is None or n_completion is None:
        return None
    details = told.get("prompt_tokens_details")
    n_cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Usage(n_prompt, n_completion, n_cached or 0)


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MAX_TOKENS else None


def _object(data: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise Broken(f"{what} that is not JSON") from None
    if not isinstance(value, dict):
        raise Broken(f"{what} that is no JSON object")
    return value


def _text(content: object) -> str:
    """A content as text: a string, null, or a list of parts of which those of text count."""
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        raise Broken(f"a content that is {type(content).__name__} and no text")
    return content if content.isascii() else content.encode("utf-8", "replace").decode()
