"""Adapters over HTTP: the contract's `/adapter/reload` and `/adapter/merge`, and `/v1/adapters`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.engine.adapter import Adapter
from aion.errors import AionError, CheckpointError, InvalidRequest, ModelError, NotFound
from aion.server.access.file_paths import adapter_path
from aion.server.access.identity import identity_of
from aion.server.adapters.control import AdapterControl
from aion.server.background import in_background
from aion.server.body import read_body
from aion.server.schemas import AdapterRequest, ReloadRequest
from aion.server.services import Services

_NAME = re.compile(r"\w[\w.-]{0,63}", re.ASCII)


def _control(request: Request) -> AdapterControl:
    services: Services = request.app.state.services
    return services.adapters


async def reload_adapter(request: Request) -> Response:
    """{"ok": true}, or {"ok": false, "error": str}; a body {"path": ...} names another adapter. A wrong
    body, or a path where none may be, is refused as any request is."""
    named = (await read_body(request, ReloadRequest, optional=True)).path
    path = await _allowed(request, named) if named else None
    try:
        adapter = await in_background(_control(request).reload, path)
    except AionError as error:
        return JSONResponse({"ok": False, "error": error.message})
    return JSONResponse({"ok": True, "adapter": _adapter_json(adapter, adapter.name)})


async def merge_adapter(request: Request) -> Response:
    """{"ok": true, "model": file}, or {"ok": false, "error": str}."""
    try:
        out = await in_background(_control(request).merge)
    except AionError as error:
        return JSONResponse({"ok": False, "error": error.message})
    return JSONResponse({"ok": True, "model": str(out)})


async def list_adapters(request: Request) -> Response:
    """What requests can name, and which one they get without a name. In which folder a file is, an admin is
    told."""
    adapters = _control(request).adapters
    data = [_adapter_json(a, adapters.default) for a in adapters.current()]
    if not identity_of(request).may("admin"):
        data = [each | {"path": Path(str(each["path"])).name} for each in data]
    return JSONResponse({"object": "list", "data": data})


async def add_adapter(request: Request) -> Response:
    """Load a GGUF adapter or a PEFT folder of this machine under a name."""
    body = await read_body(request, AdapterRequest)
    if not _NAME.fullmatch(body.name) or body.name == "none":
        raise InvalidRequest(
            f"name is {body.name!r}; use letters, digits, dots and dashes, and not 'none'.", param="name"
        )
    control, services = _control(request), request.app.state.services
    if body.name == services.generator.model_name:
        raise InvalidRequest(f"name is {body.name!r}, the base model's own; choose another.", param="name")
    try:
        adapter = await in_background(control.load, body.name, await _allowed(request, body.path))
    except (ModelError, CheckpointError) as error:
        raise InvalidRequest(error.message, param="path") from error
    return JSONResponse(_adapter_json(adapter, control.adapters.default), status_code=201)


async def remove_adapter(request: Request) -> Response:
    """Unload; generations that use it end with it, and then its memory comes back."""
    try:
        await in_background(_control(request).unload, request.path_params["name"])
    except InvalidRequest as error:
        raise NotFound(error.message, param="name") from error
    return Response(status_code=204)


async def _allowed(request: Request, path: str) -> Path:
    services: Services = request.app.state.services
    return await asyncio.to_thread(adapter_path, services.settings, path)


def _adapter_json(adapter: Adapter, default: str) -> dict[str, object]:
    return {
        "id": adapter.name,
        "object": "adapter",
        "path": str(adapter.path),
        "sha256": adapter.content_hash,
        "effect": round(adapter.effect_size, 4),
        "default": adapter.name == default,
    }
