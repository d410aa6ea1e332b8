"""Which failures a route can answer with, and what each status means."""

from __future__ import annotations

from typing import Any

from aion.server.endpoint import Endpoint
from aion.server.openapi.components import ref
from aion.server.openapi.shapes.error import Error

MEANINGS = {
    400: "A field or parameter is wrong; `param` names it.",
    401: "No key, or one that is not known, was revoked or has expired.",
    403: "The key may not do this: its roles or its tenants do not suffice. Or a page of another host asks.",
    404: "There is nothing of that name or number.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "The body is not JSON by its headers.",
    421: "This server is not asked by that name; AION_ALLOWED_HOSTS names those it is.",
    429: "Too many requests, or too many answers at once; `Retry-After` says when to come back.",
    431: "The headers or the address are too long.",
    500: "A fault of AION's own, or of its engine; the log says more.",
    501: "The operator has not set this up.",
    503: "AION is loading or stopping, too much waits, or its file is busy; `Retry-After` says until when.",
    504: "The answer took longer than `timeout_s`, or than the operator allows.",
}
_EVERYWHERE = (421, 500)
_HEADERS = {
    401: {"WWW-Authenticate": {"$ref": "#/components/headers/WwwAuthenticate"}},
    429: {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
    503: {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
}


def errors_of(endpoint: Endpoint) -> list[int]:
    """The statuses, in order. A status that the route answers in a form of its own is not among them."""
    found = {*_EVERYWHERE, *endpoint.answers.errors}
    if endpoint.path not in ("/health", "/ready"):  # which are answered at any time, to anyone
        found |= {401, 429, 503}
    if endpoint.role is not None or endpoint.method != "GET":
        found.add(403)
    if endpoint.query:
        found.add(400)
    if endpoint.body or endpoint.form:
        found |= {400, 408, 413, 415}
    return sorted(found - {answer.status for answer in endpoint.answers.good})


def name_of(status: int) -> str:
    return f"Error{status}"


def responses() -> dict[str, Any]:
    """The components that routes point at."""
    content = {"application/json": {"schema": ref(Error)}}
    return {
        name_of(status): {"description": told, "headers": _HEADERS.get(status, {}), "content": content}
        for status, told in MEANINGS.items()
    }
