"""`GET /api/events/{id}`: an event, and of an answer all that tells why it was given."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import NotFound
from aion.events.story import tell
from aion.server.events.as_json import story_json
from aion.server.query import TenantQuery, read_query
from aion.server.services import Services
from aion.server.tenants import tenant_of
from aion.store.events import Events

_MAX_DIGITS = 18  # SQLite's numbers have no more


async def show_event(request: Request) -> Response:
    """The event as `aion events show --json` prints it; 404 when the tenant has none of that id."""
    services: Services = request.app.state.services
    named = request.path_params["id"]
    if not (named.isascii() and named.isdecimal() and len(named) <= _MAX_DIGITS):
        raise NotFound(f"There is no event {named!r}; an event is named by its number.")
    tenant = await tenant_of(request, read_query(request, TenantQuery).tenant)
    story = await asyncio.to_thread(tell, Events(services.library.store), tenant, int(named))
    return JSONResponse(story_json(story))
