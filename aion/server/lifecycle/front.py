"""What the port answers from the first moment on: a page that waits while AION loads, then the app itself.

Imports nothing that takes long, so that a start is seen at once. Pure ASGI.
"""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from aion import __version__
from aion.server.access.browser.hosts import refused
from aion.server.access.browser.security_headers import SecurityHeaders
from aion.server.failures import error_body
from aion.server.lifecycle.start import Start
from aion.server.observe.requests import Requests
from aion.settings import Settings

_PANEL = Path(__file__).parents[1] / "panel"
_FILES = {f"/panel/{name}": _PANEL / name for name in ("waiting.js", "style.css", "icon.svg")}
_RETRY_AFTER_S = "2"
_LOADING = "AION is loading its models; ask again in a moment, GET /ready says when."
_STOPPING = "AION is shutting down; ask again when it is back."


class Front:
    """Answers for the app until it is handed over, and refuses when it stops. `hand_over` and `stop` from any
    thread, the rest on the event loop."""

    def __init__(self, settings: Settings, start: Start) -> None:
        self._settings = settings
        self._start = start
        self._app: ASGIApp | None = None
        self._is_stopping = False
        self._own = SecurityHeaders(Requests(self._answer, ("/", "/health", "/ready", *_FILES)))

    def hand_over(self, app: ASGIApp) -> None:
        """From the next request on all is the app's."""
        self._app = app

    def stop(self) -> None:
        """No new request is taken; those under way go on."""
        self._is_stopping = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is not None and (not self._is_stopping or scope.get("path") == "/health"):
            await app(scope, receive, send)
        elif scope["type"] == "http":
            await self._own(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._response(Request(scope))(scope, receive, send)

    def _response(self, request: Request) -> Response:
        hosts = Headers(scope=request.scope).getlist("host")
        if refusal := refused(hosts, self._settings.allowed_hosts):
            return JSONResponse(error_body(refusal[1], "invalid_request_error", "Host"), refusal[0])
        path = request.url.path
        if self._is_stopping:
            return self._unavailable(_STOPPING)
        if request.method in ("GET", "HEAD"):
            if path == "/health":
                return self._health()
            if path == "/":
                return FileResponse(
                    _PANEL / "waiting.html", 503, {"Retry-After": _RETRY_AFTER_S}, media_type="text/html"
                )
            if path in _FILES:
                return FileResponse(_FILES[path])
        return self._unavailable(self._start.failure or _LOADING)

    def _health(self) -> Response:
        """The contract's keys, and how far the start is. 200 as long as it may come to something: the process
        lives, which is what /health is asked for."""
        failed = bool(self._start.failure)
        health = {
            "status": "failed" if failed else "loading",
            "base_model": _public(self._settings.base_model),
            "adapter_loaded": False,
            "version": __version__,
            **self._start.as_json(),
        }
        return JSONResponse(health, 503 if failed else 200)

    def _unavailable(self, message: str) -> Response:
        headers = {"Retry-After": _RETRY_AFTER_S}
        return JSONResponse(error_body(message, "overloaded_error"), 503, headers)


def _public(base_model: str) -> str:
    """Strangers are not told where files lie."""
    return Path(base_model).name if Path(base_model).is_absolute() else base_model
