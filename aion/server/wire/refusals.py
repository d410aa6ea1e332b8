"""Answers given before any route: in the form of all errors, and the connection closed."""

from __future__ import annotations

import json
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from aion.errors import EngineBusy
from aion.server.failures import aion_error, error_body
from aion.server.observe.requests import Requests

_HEALTH = ("/health", "/ready")


def refusal(status: int, message: str) -> bytes:
    """A whole HTTP/1.1 response, after which the connection is closed."""
    body = json.dumps(error_body(message, "invalid_request_error")).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


class OnlyHealth:
    """Stands before an app on a connection for which there is no place: nothing but health is told there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._refused = Requests(_refuse)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_refused = scope["type"] == "http" and scope["path"] not in _HEALTH
        await (self._refused if is_refused else self._app)(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    error = EngineBusy("All connections of this server are in use; try again in 5 s.", 5)
    response = aion_error(Request(scope), error)
    response.headers["Connection"] = "close"
    await response(scope, receive, send)
