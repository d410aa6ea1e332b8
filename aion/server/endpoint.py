"""One route of the HTTP interface, with all that is to be known of it: the router, the check of roles and the
OpenAPI document read the same row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aion.server.access.identity import Role, identity_of
from aion.server.openapi.answer import UNTOLD, Answers
from aion.server.query import Query
from aion.server.schemas import Body

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`role` is what a key needs; None: anyone who may speak to this server at all. `body` is the schema that
    validates a JSON body, `is_optional` says that there may be none; `query` validates what stands behind the
    `?`; `form` says what a multipart form holds. `answers` is what comes back."""

    method: str
    path: str
    handler: Handler
    role: Role | None
    summary: str
    body: type[Body] | None = None
    is_optional: bool = False
    query: type[Query] | None = None
    form: type[Body] | None = None
    answers: Answers = UNTOLD

    def route(self) -> Route:
        """The handler behind the check of the role, so that no way of naming a path leads past it."""

        async def checked(request: Request) -> Response:
            if self.role is not None:
                identity_of(request).require(self.role, f"ask for {self.method} {self.path}")
            return await self.handler(request)

        return Route(self.path, checked, methods=[self.method], name=self.handler.__name__)
