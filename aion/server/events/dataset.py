"""`POST /api/dataset/export`: the button "Exportar dataset"."""

from __future__ import annotations

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.server.background import in_background
from aion.server.body import read_body
from aion.server.events.export_file import (
    FormName,
    Rest,
    Wanted,
    export_dataset,
    exported_json,
    settings_of_tenant,
)
from aion.server.schemas import Body, Tenant
from aion.server.services import Services
from aion.server.tenants import tenant_of


class ExportRequest(Body):
    """`POST /api/dataset/export`."""

    form: FormName = Field(
        "chat", description="Good answers as chat messages, or every event as it was written."
    )
    tenant: Tenant = None


async def export_dataset_file(request: Request) -> Response:
    """{"ok", "path", "n_rows", "n_new", ...}; the file is AION_EVENTS_JSONL or the one beside it."""
    services: Services = request.app.state.services
    body = await read_body(request, ExportRequest, optional=True)
    settings = settings_of_tenant(services.settings, await tenant_of(request, body.tenant))
    exported = await in_background(
        export_dataset, settings, services.library.store, Wanted(body.form), Rest()
    )
    return JSONResponse({"ok": True} | exported_json(exported))
