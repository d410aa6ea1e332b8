"""Around every request: its id, its record, and an answer when AION itself fails. Pure ASGI."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aion.server.failures import unexpected_error
from aion.server.observe.request_record import RequestRecord, set_record

ID_HEADER = "X-Request-ID"
_GOOD_ID = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII)


class Requests:
    """Gives each request an id (the client's own where it sent a good one) that comes back in a header.

    What is raised unforeseen before the response began is a 500 in AION's form, and the connection lives on.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = _record(scope)
        set_record(scope, record)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                MutableHeaders(scope=message)[ID_HEADER] = record.id
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            if record.status:
                raise
            await unexpected_error(Request(scope), error)(scope, receive, noted)


def _record(scope: Scope) -> RequestRecord:
    given = Headers(scope=scope).get(ID_HEADER, "")
    name = given if _GOOD_ID.fullmatch(given) else secrets.token_hex(8)
    client = scope.get("client")
    return RequestRecord(name, scope["method"], scope["path"], client[0] if client else "")
