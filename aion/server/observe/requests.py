"""Around every request: its id, its record, its line in the log, and an answer when AION itself fails. Pure
ASGI."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from aion.errors import EngineBusy
from aion.server.failures import aion_error, unexpected_error
from aion.server.observe.access_log import write_line
from aion.server.observe.exchange import ID_HEADER, Exchange
from aion.server.observe.request_record import REQUEST_ID, RequestRecord, set_record
from aion.server.observe.route_patterns import RoutePatterns

if TYPE_CHECKING:
    from aion.server.observe.figures import Figures

_GOOD_ID = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII)
_STOPPED = "AION is shutting down; ask again when it is back."
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Requests:
    """Gives each request an id (the client's own where it sent a good one) that comes back in a header and
    stands in all that is logged meanwhile. At the end, however it comes, there is one line and the figures
    are counted.

    What is raised unforeseen before the response began is a 500 in AION's form, and the connection lives on;
    after that nothing can be said any more, and the connection is closed. A request that a stop cuts before
    its response began gets a 503.
    """

    def __init__(self, app: ASGIApp, paths: Iterable[str] = ()) -> None:
        """`paths` are those that exist where there is no Starlette, and so no figures, around `app`."""
        self._app = app
        self._patterns: RoutePatterns | None = None
        self._routes: list[BaseRoute] = [Route(path, app) for path in paths]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app: Starlette | None = scope.get("app")
        figures: Figures | None = app.state.figures if app else None
        record = self._record(scope, app)
        set_record(scope, record)
        exchange = Exchange(record, receive, send)
        token = REQUEST_ID.set(record.id)
        if figures:
            figures.began()
        try:
            await self._serve(scope, exchange, record)
        finally:
            exchange.end()
            if figures:
                figures.ended(record)
            write_line(record)
            REQUEST_ID.reset(token)

    async def _serve(self, scope: Scope, exchange: Exchange, record: RequestRecord) -> None:
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:
            if "app" not in scope:
                raise
            response = unexpected_error(Request(scope), error)
            if record.status:
                record.cut = "failure"
            else:
                await response(scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:  # nobody but the server cancels a request, and only when it stops
            record.cut = record.cut or "stop"
            if not record.status:
                response = aion_error(Request(scope), EngineBusy(_STOPPED, retry_after_s=5))
                await response(scope, exchange.receive, exchange.send)
        except BaseException:
            record.cut = record.cut or "stop"
            raise

    def _record(self, scope: Scope, app: Starlette | None) -> RequestRecord:
        given = Headers(scope=scope).get(ID_HEADER, "")
        client = scope.get("client")
        if self._patterns is None:
            self._patterns = RoutePatterns(app.routes if app else self._routes)
        return RequestRecord(
            given if _GOOD_ID.fullmatch(given) else secrets.token_hex(8),
            scope["method"] if scope["method"] in _METHODS else "OTHER",
            client[0] if client else "",
            keeps_texts=bool(app and app.state.services.settings.log_texts),
            route=self._patterns.of(scope["path"]),
        )
