"""Keeps other web pages from steering AION: a browser says in `Origin` which page a request came from.

Programs send no Origin and pass. Pure ASGI, so that streams and disconnects stay what they are.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from aion.server.failures import error_body

_SAFE = {"GET", "HEAD", "OPTIONS"}


class SameOrigin:
    """Refuses with 403 a request that changes something and comes from a page of another host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE or _is_own(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        origin = Headers(scope=scope)["origin"]
        message = f"A page of {origin} may not ask AION to do something; open AION's own page."
        await JSONResponse(error_body(message, "permission_error"), 403)(scope, receive, send)


def _is_own(headers: Headers) -> bool:
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")
