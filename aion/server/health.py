"""`GET /health`: what is loaded and whether it works."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion import __version__
from aion.server.services import Services


async def health(request: Request) -> Response:
    """The contract's base_model and adapter_loaded, and what an operator would ask next; 503 when the engine
    has stopped for good."""
    services: Services = request.app.state.services
    status = services.engine.status()
    tenant = services.settings.tenant
    failure = services.engine.failure
    placement = services.serving.current.placement
    return JSONResponse({
        "status": "failed" if failure else "ok",
        "failure": failure,
        "base_model": services.generator.model_name,
        "adapter_loaded": services.adapters.is_loaded,
        "adapters": [adapter.name for adapter in services.adapters.adapters.current()],
        "adapter_merged": services.adapters.merged,
        "version": __version__,
        "configured_model": services.settings.base_model,
        "embedded_model": services.is_embedded_model,
        "embedder": services.library.embedder.name,
        "notice": services.notice,
        "n_ctx": services.engine.n_ctx,
        "placement": placement.numbers if placement else {},
        "n_documents": await asyncio.to_thread(services.library.documents.count, tenant),
        "n_running": status.n_running,
        "n_waiting": status.n_waiting,
    }, status_code=503 if failure else 200)  # fmt: skip
