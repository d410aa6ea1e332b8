"""Which pages of other hosts may ask: none but those of AION_CORS_ORIGINS, and those with a key only."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from aion.server.access.browser.origins import opened_origins
from aion.server.services import Services

_READABLE = ("X-Request-ID", "Retry-After", "X-AION-Used", "X-AION-Reason", "X-AION-Adapter")


class Cors:
    """Starlette's CORS for origins that are opened; whatever comes from others goes on as if there were none.

    Never with credentials: browsers then send no cookie, and the key comes in a header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._opened: dict[frozenset[str], CORSMiddleware] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        services: Services = scope["app"].state.services
        origins = opened_origins(services.settings.cors_origins)
        app = self._for(origins) if origin in origins else self._app
        await app(scope, receive, send)

    def _for(self, origins: frozenset[str]) -> CORSMiddleware:
        """Made anew when the setting was reread."""
        if origins not in self._opened:
            self._opened = {
                origins: CORSMiddleware(
                    self._app,
                    allow_origins=origins,
                    allow_methods=["*"],
                    allow_headers=["*"],
                    allow_private_network=True,
                    expose_headers=_READABLE,
                )
            }
        return self._opened[origins]
