"""The Starlette application: routes, what stands before them, and how failures become responses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ExceptionHandler

from aion.errors import AionError
from aion.server.access.authentication import Authentication
from aion.server.access.browser.cors import Cors
from aion.server.access.browser.hosts import Hosts
from aion.server.access.browser.same_origin import SameOrigin
from aion.server.access.browser.security_headers import SecurityHeaders
from aion.server.access.open_paths import OpenPaths
from aion.server.access.rates.limits import Counts, Limits, SignInLimits
from aion.server.disconnect import ClientGone
from aion.server.failures import aion_error, http_error
from aion.server.observe.figures import Figures
from aion.server.observe.requests import Requests
from aion.server.openapi.interface import Interface
from aion.server.routes import ENDPOINTS
from aion.server.services import Services

_PANEL = Path(__file__).parent / "panel"


def create_app(services: Services) -> Starlette:
    """An app over running services; it starts and stops nothing itself."""
    panel = StaticFiles(directory=_PANEL, html=True)
    counts = Counts()
    app = Starlette(
        routes=[
            Route("/", panel, methods=["GET"]),
            Mount("/panel", panel),
            *(endpoint.route() for endpoint in ENDPOINTS),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Requests),
            Middleware(Hosts),
            Middleware(Cors),
            Middleware(SameOrigin),
            Middleware(SignInLimits, counts),
            Middleware(Authentication, is_open=OpenPaths(ENDPOINTS)),
            Middleware(Limits, counts),
        ],
        exception_handlers={
            AionError: _here(aion_error),
            ClientGone: _here(_client_gone),
            ClientDisconnect: _here(_client_gone),
            HTTPException: _here(http_error),
        },
    )
    app.state.services = services
    app.state.interface = Interface(ENDPOINTS)
    app.state.figures = Figures(lambda: app.state.services)
    app.state.turns = {}
    return app


def _here(handler: Callable[[Request, Exception], Response]) -> ExceptionHandler:
    """That handler on the event loop; Starlette gives a plain one to a thread, and waits for it longer than
    the answer takes."""

    async def handled(request: Request, error: Exception) -> Response:
        return handler(request, error)

    return handled


def _client_gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)
