"""Reads a JSON body into a schema; what is wrong with it becomes one InvalidRequest that names the field."""

from __future__ import annotations

import json
import reprlib
from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from aion.errors import InvalidRequest
from aion.server.arrival import Arrival
from aion.server.schemas import Body

MAX_BODY_BYTES = 4 * 1024 * 1024

Schema = TypeVar("Schema", bound=Body)
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 80
_shown.maxlist = _shown.maxdict = _shown.maxlevel = 2


async def read_body(
    request: Request, schema: type[Schema], *, optional: bool = False, limit: int = MAX_BODY_BYTES
) -> Schema:
    """Parse and validate; no body at all is an empty object when `optional`. Raises InvalidRequest, or
    BodyTooLarge past `limit` bytes, BodyTooSlow, ClientDisconnect."""
    data = await _read_limited(request, limit)
    if optional and not data.strip():
        data = b"{}"
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"The body is not JSON ({error}); send an object with {_required(schema)}."
        ) from error
    if not isinstance(value, dict):
        raise InvalidRequest(f"The body is a JSON {type(value).__name__}; send an object.")
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise named(error) from error


def _required(schema: type[Body]) -> str:
    """The fields that must be there, in words."""
    return (
        " and ".join(name for name, field in schema.model_fields.items() if field.is_required()) or "fields"
    )


async def _read_limited(request: Request, limit: int) -> bytes:
    arrival = Arrival(request.receive, limit, f"The body is over {limit} bytes; send a shorter text.")
    return await Request(request.scope, arrival).body()


def named(error: ValidationError) -> InvalidRequest:
    """What is wrong with a body, by the field."""
    first = error.errors()[0]
    param = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return InvalidRequest(f"{param} is missing; it is required.", param=param)
    if first["type"] == "extra_forbidden":
        return InvalidRequest(f"{param} is not known; correct its name or leave it out.", param=param)
    given, reason = _shown.repr(first["input"]), first["msg"].removeprefix("Value error, ")
    return InvalidRequest(f"{param} is {given}: {reason[0].lower()}{reason[1:]}.", param=param)
