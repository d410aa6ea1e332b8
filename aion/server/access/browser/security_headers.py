"""What every response tells browsers: no sniffing, no framing, no scripts of others, no copies. Pure ASGI.

A handler that sets one of these headers itself is left its own.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EVERY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OTHER_POLICY = "default-src 'none'; frame-ancestors 'none'"
_HSTS = "max-age=31536000"


class SecurityHeaders:
    """A page may load its own files and nothing else; whatever is not a page may do nothing at all.

    Files of the page are asked for anew each time (they have an ETag), answers are kept nowhere. That a
    request came by https is known from a proxy on this machine or one that FORWARDED_ALLOW_IPS names.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            # A browser puts the headers of a 304 in place of those it kept, and would not know a page as one.
            if message["type"] == "http.response.start" and message["status"] != 304:
                _add(MutableHeaders(scope=message), is_https=scope.get("scheme") == "https")
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def _add(headers: MutableHeaders, *, is_https: bool) -> None:
    is_page = headers.get("content-type", "").startswith("text/html")
    for name, value in _EVERY.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", _PAGE_POLICY if is_page else _OTHER_POLICY)
    headers.setdefault("Cache-Control", "no-cache" if "etag" in headers else "no-store")
    if is_https:
        if is_page:  # by http, browsers pass it over and write an error to their console
            headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Strict-Transport-Security", _HSTS)
