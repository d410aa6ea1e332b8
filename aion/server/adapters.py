"""Adapters over HTTP: the contract's `/adapter/reload` and `/adapter/merge`, and `/v1/adapters`."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.engine.adapter import Adapter
from aion.errors import AionError, CheckpointError, InvalidRequest, ModelError
from aion.server.adapter_control import AdapterControl
from aion.server.background import in_background
from aion.server.body import read_body
from aion.server.schemas import AdapterRequest, ReloadRequest
from aion.server.services import Services

_NAME = re.compile(r"\w[\w.-]{0,63}", re.ASCII)


def _control(request: Request) -> AdapterControl:
    services: Services = request.app.state.services
    return services.adapters


async def reload_adapter(request: Request) -> Response:
    """{"ok": true}, or {"ok": false, "error": str}; a body {"path": ...} names another adapter."""
    try:
        path = (await read_body(request, ReloadRequest, optional=True)).path
        adapter = await in_background(_control(request).reload, Path(path) if path else None)
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
    """What requests can name, and which one they get without a name."""
    adapters = _control(request).adapters
    data = [_adapter_json(a, adapters.default) for a in adapters.current()]
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
        adapter = await in_background(control.load, body.name, Path(body.path))
    except (ModelError, CheckpointError) as error:
        raise InvalidRequest(error.message, param="path") from error
    return JSONResponse(_adapter_json(adapter, control.adapters.default), status_code=201)


async def remove_adapter(request: Request) -> Response:
    """Unload; generations that use it end with it, and then its memory comes back."""
    await in_background(_control(request).unload, request.path_params["name"])
    return Response(status_code=204)


def _adapter_json(adapter: Adapter, default: str) -> dict[str, object]:
    return {
        "id": adapter.name,
        "object": "adapter",
        "path": str(adapter.path),
        "sha256": adapter.content_hash,
        "effect": round(adapter.effect_size, 4),
        "default": adapter.name == default,
    }
