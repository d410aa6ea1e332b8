"""The Starlette application: routes, what stands before them, and how failures become responses."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from aion.errors import AionError
from aion.server.access.authentication import Authentication
from aion.server.access.same_origin import SameOrigin
from aion.server.disconnect import ClientGone
from aion.server.failures import aion_error, http_error
from aion.server.observe.requests import Requests
from aion.server.panel_headers import PanelHeaders
from aion.server.routes import ENDPOINTS
from aion.server.services import Services

_PANEL = Path(__file__).parent / "panel"


def create_app(services: Services) -> Starlette:
    """An app over running services; it starts and stops nothing itself."""
    panel = PanelHeaders(StaticFiles(directory=_PANEL, html=True))
    app = Starlette(
        routes=[
            Route("/", panel, methods=["GET"]),
            Mount("/panel", panel),
            *(endpoint.route() for endpoint in ENDPOINTS),
        ],
        middleware=[Middleware(Requests), Middleware(SameOrigin), Middleware(Authentication)],
        exception_handlers={
            AionError: aion_error,
            ClientGone: _client_gone,
            ClientDisconnect: _client_gone,
            HTTPException: http_error,
        },
    )
    app.state.services = services
    return app


def _client_gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)
