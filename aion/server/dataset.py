"""`POST /api/dataset/export`: the button "Exportar dataset"."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.server.background import in_background
from aion.server.body import read_body
from aion.server.export_file import FormName, Rest, Wanted, export_dataset, exported_json
from aion.server.schemas import Body
from aion.server.services import Services


class ExportRequest(Body):
    """`POST /api/dataset/export`."""

    form: FormName = "chat"


async def export_dataset_file(request: Request) -> Response:
    """{"ok", "path", "n_rows", "n_new", ...}; the file is AION_EVENTS_JSONL or the one beside it."""
    services: Services = request.app.state.services
    body = await read_body(request, ExportRequest, optional=True)
    exported = await in_background(
        export_dataset, services.settings, services.library.store, Wanted(body.form), Rest()
    )
    return JSONResponse({"ok": True} | exported_json(exported))
