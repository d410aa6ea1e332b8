"""`/api/session`: the page sends a key once and has a cookie in its place."""

from __future__ import annotations

import asyncio

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.server.access.authentication import checked_key
from aion.server.access.browser.session_cookie import end_session, session_token, set_session
from aion.server.access.browser.sessions import begin_session, close_session
from aion.server.access.identity import identity_of
from aion.server.body import read_body
from aion.server.schemas import Body
from aion.server.services import Services
from aion.store.keys import Keys

_MAX_KEY_CHARS = 500


class SessionRequest(Body):
    """`POST /api/session`: a key, whole as `aion keys add` showed it."""

    key: str = Field(max_length=_MAX_KEY_CHARS, description="As `aion keys add` showed it.")


async def sign_in(request: Request) -> Response:
    """201 with who the key's holder is and a cookie; 401 for a key that lets nobody in."""
    body = await read_body(request, SessionRequest)
    services: Services = request.app.state.services
    store = services.library.store
    key = await asyncio.to_thread(checked_key, Keys(store), body.key.strip())
    hours = services.settings.session_hours
    token = await asyncio.to_thread(begin_session, store, key, hours, session_token(request.scope))
    told = {"signed_in": True, "name": key.name, "roles": sorted(key.roles), "tenants": sorted(key.tenants)}
    response = JSONResponse(told | {"key_needed": False}, 201)
    set_session(response, request, token, hours * 3600)
    return response


async def show_session(request: Request) -> Response:
    """Who asks, and whether it takes a key to ask anything; takes away a cookie that is good for nothing."""
    identity = identity_of(request)
    response = JSONResponse({
        "signed_in": bool(identity.key_id),
        "name": identity.name,
        "roles": sorted(identity.roles),
        "tenants": sorted(identity.tenants),
        "key_needed": not identity.may("chat"),
    })  # fmt: skip
    if session_token(request.scope) and not identity.key_id:
        end_session(response, request)
    return response


async def sign_out(request: Request) -> Response:
    """End the browser's session, if it has one."""
    services: Services = request.app.state.services
    if token := session_token(request.scope):
        await asyncio.to_thread(close_session, services.library.store, token)
    response = Response(status_code=204)
    end_session(response, request)
    return response
