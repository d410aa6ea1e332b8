"""What is known of one request while it runs: who, what, how long, how many tokens.

Middleware makes it, handlers add to it, the log and the figures read it.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from starlette.requests import HTTPConnection
from starlette.types import Scope

if TYPE_CHECKING:  # the log is set up before anything large is loaded
    from aion.answer.answer import Answer

_SCOPE_KEY = "aion.record"

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""That of the request which is served; threads started for it (asyncio.to_thread, in_background) have it
too."""

Cut = Literal["", "client", "stop", "failure"]
"""Why a response did not come to its end: the client went away or read nothing, AION was stopped, or
failed."""


@dataclass(slots=True)
class RequestRecord:
    """Written by the task of its request and those it starts. `route` is the path's pattern ("" where nothing
    is), times are of `time.monotonic`, tokens are None where no model wrote. `answer` is the router's;
    `question` and `reply` are kept only where the operator wants texts in the log."""

    id: str
    method: str
    address: str
    keeps_texts: bool = False
    started: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    route: str = ""
    identity: str = ""
    status: int = 0
    n_prompt: int | None = None
    n_completion: int | None = None
    used: str = ""
    reason: str = ""
    answer: Answer | None = None
    is_stream: bool = False
    first_byte: float | None = None
    n_bytes: int = 0
    cut: Cut = ""
    question: str = ""
    reply: str = ""

    def count(self, n_prompt: int | None = None, n_completion: int | None = None) -> None:
        """Add the tokens of one generation, or of a piece of it; None for what does not belong to it."""
        if n_prompt is not None:
            self.n_prompt = (self.n_prompt or 0) + n_prompt
        if n_completion is not None:
            self.n_completion = (self.n_completion or 0) + n_completion

    def answered(self, answer: Answer) -> None:
        """Note who answered, and why; its tokens and its text are counted by themselves."""
        self.answer, self.used, self.reason = answer, answer.used, answer.reason

    def ask(self, text: str) -> None:
        """Note what was asked, where texts are wanted."""
        if self.keeps_texts:
            self.question = text

    def say(self, text: str) -> None:
        """Add to what was answered, where texts are wanted."""
        if self.keeps_texts:
            self.reply += text


def set_record(scope: Scope, record: RequestRecord) -> None:
    scope[_SCOPE_KEY] = record


def record_of(request: HTTPConnection) -> RequestRecord:
    """The record of this request."""
    record: RequestRecord = request.scope[_SCOPE_KEY]
    return record
