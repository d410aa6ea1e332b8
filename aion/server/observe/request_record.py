"""What is known of one request while it runs: who, what, how long, how many tokens.

Middleware makes it, handlers add to it, the log and the figures read it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.types import Scope

_SCOPE_KEY = "aion.record"


@dataclass(slots=True)
class RequestRecord:
    """Written by the task of its request only. `route` is the path's pattern ("" where nothing is), times are
    of `time.monotonic`, tokens are None where no model wrote."""

    id: str
    method: str
    path: str
    address: str
    started: float = field(default_factory=time.monotonic)
    route: str = ""
    identity: str = ""
    status: int = 0
    n_prompt: int | None = None
    n_completion: int | None = None
    used: str = ""
    reason: str = ""
    first_byte: float | None = None
    n_bytes: int = 0
    is_cut: bool = False

    def count(self, n_prompt: int, n_completion: int) -> None:
        """Add the tokens of one generation."""
        self.n_prompt = (self.n_prompt or 0) + n_prompt
        self.n_completion = (self.n_completion or 0) + n_completion


def set_record(scope: Scope, record: RequestRecord) -> None:
    scope[_SCOPE_KEY] = record


def record_of(request: HTTPConnection) -> RequestRecord:
    """The record of this request."""
    record: RequestRecord = request.scope[_SCOPE_KEY]
    return record
