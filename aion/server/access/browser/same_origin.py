"""Keeps other web pages from steering AION: a browser says in `Origin` which page a request came from.

Programs send no Origin and pass. Pure ASGI, so that streams and disconnects stay what they are.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from aion.server.access.browser.origins import is_foreign, is_proven_own, opened_origins
from aion.server.access.browser.session_cookie import session_token
from aion.server.access.credentials import sent_token
from aion.server.failures import error_body
from aion.server.services import Services

_SAFE = {"GET", "HEAD", "OPTIONS"}


class SameOrigin:
    """Refuses with 403 a request that changes something and comes from a page of another host, or that has
    nothing but a session's cookie and does not say from which page it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = _refusal(scope) if scope["type"] == "http" and scope["method"] not in _SAFE else ""
        if message:
            response = JSONResponse(error_body(message, "permission_error"), 403)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _refusal(scope: Scope) -> str:
    """The sentence, or "" for who may pass."""
    headers = Headers(scope=scope)
    origin = headers.get("origin", "another host")
    if is_foreign(headers):
        services: Services = scope["app"].state.services
        if origin not in opened_origins(services.settings.cors_origins):
            return (
                f"A page of {origin[:200]} may not ask AION to do something; open AION's own page, or name "
                "that one in AION_CORS_ORIGINS."
            )
        if sent_token(headers) is None:
            return f"A page of {origin[:200]} may ask with a key only; send Authorization: Bearer KEY."
    elif sent_token(headers) is None and session_token(scope) and not is_proven_own(headers):
        return (
            "A session changes something for AION's own page only, and this request does not say that it "
            "comes from it; programs send Authorization: Bearer KEY."
        )
    return ""
