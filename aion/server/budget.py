"""`GET /api/budget`: what paid answers have cost and what is left."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.server.money import budget_json, open_budget
from aion.server.query import TenantQuery, read_query
from aion.server.services import Services
from aion.server.tenants import tenant_of


async def budget(request: Request) -> Response:
    """The budget of this day and this month, also while the fallback is off; `tenant` names another's."""
    services: Services = request.app.state.services
    opened = open_budget(services.settings, services.library.store)
    tenant = await tenant_of(request, read_query(request, TenantQuery).tenant)
    state = await asyncio.to_thread(opened.state, tenant)
    return JSONResponse(budget_json(services.settings, state))
