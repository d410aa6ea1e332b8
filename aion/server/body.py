"""Reads a JSON body into a schema; what is wrong with it becomes one InvalidRequest that names the field."""

from __future__ import annotations

import reprlib
from typing import TypeVar

from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from aion.errors import InvalidRequest
from aion.server.arrival import Arrival, BodyTooLarge, NotJson
from aion.server.schemas import Body
from aion.server.wire.strict_json import NotStrictJson, parsed
from aion.settings import Settings

_MEDIA_TYPES = (
    "",
    "application/json",
    "text/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
)
_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")

Schema = TypeVar("Schema", bound=Body)
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 80
_shown.maxlist = _shown.maxdict = _shown.maxlevel = 2


async def read_body(
    request: Request, schema: type[Schema], *, optional: bool = False, limit: int | None = None
) -> Schema:
    """Parse and validate; no body at all is an empty object when `optional`. Raises InvalidRequest, NotJson,
    BodyTooLarge past `limit` bytes (AION_BODY_MB), BodyTooSlow, ClientDisconnect."""
    _refuse_kind(request)
    settings: Settings = request.app.state.services.settings
    data = await _read_limited(request, limit or settings.body_mb * 1024**2)
    if optional and not data.strip():
        data = b"{}"
    try:
        value, not_finite = parsed(data)
    except NotStrictJson as error:
        raise InvalidRequest(
            f"The body is not JSON ({error}); send an object with {_required(schema)}."
        ) from error
    if not isinstance(value, dict):
        raise InvalidRequest(f"The body is a JSON {type(value).__name__}; send an object.")
    try:
        body = schema.model_validate(value)
    except ValidationError as error:
        raise named(error, value) from error
    if not_finite:
        raise InvalidRequest(f"The body is not JSON ({not_finite} is no number); leave it out.")
    return body


def _required(schema: type[Body]) -> str:
    """The fields that must be there, in words."""
    return (
        " and ".join(name for name, field in schema.model_fields.items() if field.is_required()) or "fields"
    )


def _refuse_kind(request: Request) -> None:
    """What cannot be JSON in UTF-8 by its headers. Programs that say nothing, or what `curl -d` and `fetch`
    say by themselves, pass."""
    headers = request.headers
    coding = headers.get("content-encoding", "identity").strip().lower()
    transfer = headers.get("transfer-encoding", "chunked").strip().lower()
    if coding != "identity" or transfer != "chunked":
        named = coding if coding != "identity" else transfer
        raise NotJson(f"The body is sent as {named[:80]!r}; send it as it is, without compressing it.")
    kind, parameters = parse_options_header(headers.get("content-type", ""))
    media_type = kind.decode("latin-1")
    if media_type not in _MEDIA_TYPES and not media_type.endswith("+json"):
        raise NotJson(f"The body is {media_type[:80]!r}; send JSON as application/json.")
    charset = parameters.get(b"charset", b"utf-8").decode("latin-1").lower()
    if charset not in _CHARSETS:
        raise NotJson(f"The body is in {charset[:80]!r}; send JSON in UTF-8.")


async def _read_limited(request: Request, limit: int) -> bytes:
    too_large = f"The body is over {limit} bytes; send a shorter text, or raise AION_BODY_MB."
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise BodyTooLarge(too_large)
    arrival = Arrival(request.receive, limit, too_large)
    return await Request(request.scope, arrival).body()


def named(error: ValidationError, sent: object = None) -> InvalidRequest:
    """What is wrong with a body, by the field, as `sent` has it."""
    first = error.errors()[0]
    param = _place(first["loc"], sent, is_absent=first["type"] == "missing")
    if first["type"] == "missing":
        return InvalidRequest(f"{param} is missing; it is required.", param=param)
    if first["type"] == "extra_forbidden":
        return InvalidRequest(f"{param} is not known; correct its name or leave it out.", param=param)
    given, reason = _shown.repr(first["input"]), first["msg"].removeprefix("Value error, ")
    return InvalidRequest(f"{param} is {given}: {reason[0].lower()}{reason[1:]}.", param=param)


def _place(loc: tuple[int | str, ...], sent: object, *, is_absent: bool) -> str:
    """The way to a field. Pydantic's has the names of a union's branches in it, which nobody sent."""
    parts, value = list[str](), sent
    for n, part in enumerate(loc):
        if isinstance(value, dict) and str(part) in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif sent is not None and not (is_absent and n == len(loc) - 1):
            continue
        parts.append(str(part))
    return ".".join(parts)
