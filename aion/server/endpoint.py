"""One route of the HTTP interface, with all that is to be known of it: the router, the check of roles and the
OpenAPI document read the same row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aion.server.access.identity import Role
from aion.server.schemas import Body

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`role` is what a key needs; None: anyone who may speak to this server at all. `body` is the schema that
    validates a JSON body; None: there is none, or it is not JSON."""

    method: str
    path: str
    handler: Handler
    role: Role | None
    summary: str
    body: type[Body] | None = None

    def route(self) -> Route:
        return Route(self.path, self.handler, methods=[self.method])
