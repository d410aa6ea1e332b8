"""Reads a JSON body into a schema; what is wrong with it becomes one InvalidRequest that names the field."""

from __future__ import annotations

import json
import reprlib
from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from aion.errors import InvalidRequest
from aion.server.schemas import Body

MAX_BODY_BYTES = 4 * 1024 * 1024

Schema = TypeVar("Schema", bound=Body)
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 80
_shown.maxlist = _shown.maxdict = _shown.maxlevel = 2


async def read_body(request: Request, schema: type[Schema], *, optional: bool = False) -> Schema:
    """Parse and validate; no body at all is an empty object when `optional`. Raises InvalidRequest, or
    BodyTooLarge past MAX_BODY_BYTES."""
    data = await _read_limited(request)
    if optional and not data.strip():
        data = b"{}"
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f'The body is not JSON ({error}); send an object such as {{"message": "..."}}.'
        ) from error
    if not isinstance(value, dict):
        raise InvalidRequest(f"The body is a JSON {type(value).__name__}; send an object.")
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise _named(error) from error


class BodyTooLarge(InvalidRequest):
    """The body is over the limit (413)."""


async def _read_limited(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The body is over {MAX_BODY_BYTES} bytes; send a shorter text.")
        chunks.append(chunk)
    return b"".join(chunks)


def _named(error: ValidationError) -> InvalidRequest:
    first = error.errors()[0]
    param = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return InvalidRequest(f"{param} is missing; it is required.", param=param)
    given, reason = _shown.repr(first["input"]), first["msg"].removeprefix("Value error, ")
    return InvalidRequest(f"{param} is {given}: {reason[0].lower()}{reason[1:]}.", param=param)
