"""What went wrong with one try, in one sentence, and what follows from it: again or not, paid or not.

Knows statuses and bodies, and no client library. Sentences never hold the key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from aion.errors import AionError, EngineBusy, EngineFailed, InvalidRequest, OutOfTime, PromptTooLong
from aion.remote.address import Address
from aion.remote.backoff import retry_after
from aion.remote.payload import DISPENSABLE, LENGTHS
from aion.remote.role import Role

_MOST_QUOTED = 200
_AGAIN = (408, 409, 429)
_UNWANTED = re.compile(r"unsupported|not support|unrecognized|unknown|extra inputs|deprecated", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"context.{0,10}(length|size|window)|maximum context|too many tokens|prompt has \d+ tokens", re.IGNORECASE
)
_SECRET = re.compile(r"\b(?:sk|key|pk)-[\w*.-]{6,}|\bBearer\s+\S+", re.IGNORECASE)


class TryFailed(Exception):
    """One try that brought no answer. `error` is what the caller is told in the end.

    `may_be_billed`: it may have been paid all the same. `is_retryable`: the same may succeed in a moment, no
    sooner than `retry_after_s` where it is set. `is_fault`: the server is in trouble, not the request.
    `unwanted` is the parameter the server does not take, `is_missing` says that the route is not there.
    """

    def __init__(
        self,
        error: AionError,
        *,
        may_be_billed: bool = True,
        is_retryable: bool = False,
        retry_after_s: float | None = None,
        is_fault: bool = True,
        unwanted: str = "",
        is_missing: bool = False,
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.may_be_billed = may_be_billed
        self.is_retryable = is_retryable
        self.retry_after_s = retry_after_s
        self.is_fault = is_fault
        self.unwanted = unwanted
        self.is_missing = is_missing


class Failures:
    """Words the failures of one server."""

    def __init__(self, role: Role, address: Address, api_key: str) -> None:
        self._role = role
        self._key = api_key
        self._who = f"{role.title} at {address.api}"

    def unreachable(self, why: str) -> TryFailed:
        """No connection came about: nothing was sent."""
        return TryFailed(
            EngineFailed(
                f"{self._who} cannot be reached ({self.quoted(why)}); start it, or correct {self._role.url}."
            ),
            may_be_billed=False,
            is_retryable=True,
        )

    def dropped(self) -> TryFailed:
        """The connection ended between the request and its answer."""
        return TryFailed(
            EngineFailed(f"{self._who} closed the connection without an answer; {self._role.remedy}."),
            is_retryable=True,
        )

    def out_of_time(self, seconds: float, limit: str) -> TryFailed:
        """`limit` is what allowed no more; a request's own is no trouble of the server's."""
        said = f"did not complete its answer in {seconds:g} s"
        return TryFailed(
            OutOfTime(f"{self._who} {said}; ask for less, or raise {limit}."),
            is_fault=limit == self._role.timeout,
        )

    def cut(self) -> TryFailed:
        return TryFailed(
            EngineFailed(f"{self._who} broke its answer off before the end; {self._role.remedy}.")
        )

    def broken(self, what: str) -> TryFailed:
        """An answer that is none; `what` follows "sent"."""
        return TryFailed(
            EngineFailed(
                f"{self._who} sent {what}; is {self._role.url} the address of an OpenAI-compatible server?"
            )
        )

    def no_text(self, why: str) -> TryFailed:
        """A well-formed answer with nothing in it."""
        return TryFailed(EngineFailed(f"{self._who} answered without any text: {why}."), is_fault=False)

    def told(self, message: str) -> TryFailed:
        """An error object in place of an answer, under a status that says all is well."""
        if _TOO_LONG.search(message):
            return TryFailed(self._too_long(message), is_fault=False)
        return TryFailed(EngineFailed(f"{self._who} ended with an error{self._said(message)}."))

    def status(self, status: int, headers: Mapping[str, str], body: bytes) -> TryFailed:
        """An answer whose status is not 2xx; `body` may be cut."""
        message, code, param = _error_in(body)
        if status in (401, 403):
            return self._not_let_in(status)
        if 300 <= status < 400:
            return self._redirected(headers.get("location", "elsewhere"))
        if status == 429 and code == "insufficient_quota":
            error = EngineFailed(f"{self._who} has no credit left for this key (insufficient_quota).")
            return TryFailed(error, may_be_billed=False, is_fault=False)
        if status >= 500 or status in _AGAIN:
            return self._in_trouble(status, headers, message)
        return self._refused(status, message, code, param)

    def quoted(self, text: str) -> str:
        """What a stranger wrote, as it may be shown: short, of one line, without keys."""
        if self._key:
            text = text.replace(self._key, "***")
        text = " ".join(_SECRET.sub("***", text).split())
        return text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…"

    def _not_let_in(self, status: int) -> TryFailed:
        how = "rejects the key" if self._key else "wants a key"
        return TryFailed(
            EngineFailed(f"{self._who} {how} ({status}); set {self._role.key} to one it accepts."),
            may_be_billed=False,
            is_fault=False,
        )

    def _redirected(self, where: str) -> TryFailed:
        return TryFailed(
            EngineFailed(
                f"{self._who} sends requests on to {self.quoted(where)!r}; nothing was sent there, set "
                f"{self._role.url} to it if it is right."
            ),
            may_be_billed=False,
            is_fault=False,
        )

    def _in_trouble(self, status: int, headers: Mapping[str, str], message: str) -> TryFailed:
        wait_s = retry_after(headers)
        said = self._said(message)
        error: AionError = EngineFailed(f"{self._who} failed ({status}){said}; {self._role.remedy}.")
        is_busy = status == 429 or (status == 503 and wait_s is not None)
        if is_busy:
            error = EngineBusy(f"{self._who} is busy ({status}){said}.", max(1, round(wait_s or 5)))
        return TryFailed(
            error,
            may_be_billed=status >= 500 and status != 503,
            is_retryable=True,
            retry_after_s=wait_s,
            is_fault=not is_busy,
        )

    def _refused(self, status: int, message: str, code: str, param: str) -> TryFailed:
        said = self._said(message)
        if _TOO_LONG.search(f"{code} {message}"):
            return TryFailed(self._too_long(message), may_be_billed=False, is_fault=False)
        if param == "adapter":  # another AION's refusal is of what was asked here
            error = InvalidRequest(f"{self._who} refuses the adapter{said}.", param="adapter")
            return TryFailed(error, may_be_billed=False, is_fault=False)
        is_model = status == 404 and "model" in f"{code} {message}".lower()
        hint = f"; see {self._role.model}" if is_model else ""
        if status in (404, 405) and not is_model:
            hint = f"; is {self._role.url} right?"
        return TryFailed(
            EngineFailed(f"{self._who} refused the request ({status}){said}{hint}."),
            may_be_billed=False,
            is_fault=False,
            unwanted=_unwanted(message, code, param),
            is_missing=status in (404, 405) and not is_model,
        )

    def _too_long(self, message: str) -> PromptTooLong:
        return PromptTooLong(
            f"The prompt is too long for {self._who[:1].lower()}{self._who[1:]}{self._said(message)}."
        )

    def _said(self, message: str) -> str:
        return f": {self.quoted(message).rstrip('.')}" if message else ""


def _error_in(body: bytes) -> tuple[str, str, str]:
    """(message, code, param) of an error body in OpenAI's form or one like it; "" for what is not told."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace").strip()
        return ("" if text.startswith("<") else text), "", ""
    error = value.get("error", value) if isinstance(value, dict) else value
    if not isinstance(error, dict):
        return (error if isinstance(error, str) else ""), "", ""
    message = error.get("message") or error.get("detail") or ""
    told = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    return told, str(error.get("code") or error.get("type") or ""), str(error.get("param") or "")


def _unwanted(message: str, code: str, param: str) -> str:
    """The parameter that a server says it does not take; "" when it says something else. A message that names
    several begins with it (OpenAI: "Unsupported parameter: 'max_tokens' ... Use 'max_completion_tokens'")."""
    if not (code.startswith("unsupported_") or _UNWANTED.search(message)):
        return ""
    words = re.findall(r"[a-z_]+", f"{param} {message}")
    return next((word for word in words if word in DISPENSABLE or word in LENGTHS), "")
