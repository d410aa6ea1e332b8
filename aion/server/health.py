"""`GET /health`: what is loaded and whether it works."""

from __future__ import annotations

import asyncio
from collections.abc import Set

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion import __version__
from aion.errors import StoreError
from aion.rag.watch import Watch
from aion.server.access.identity import Identity, identity_of
from aion.server.documents.reembed import Reembedding
from aion.server.services import Services

_MOST_FAILURES = 20


async def health(request: Request) -> Response:
    """For anyone the contract's base_model and adapter_loaded, and whether a small model stands in for the
    one that is wanted; for who may see it what an operator would ask next. 503 when the engine has stopped
    for good."""
    services: Services = request.app.state.services
    failure = services.engine.failure
    shown: dict[str, object] = {
        "status": "failed" if failure else "ok",
        "base_model": services.generator.model_name,
        "adapter_loaded": services.adapters.is_loaded,
        "embedded_model": services.is_embedded_model,
    }
    if services.is_embedded_model and services.elsewhere is None:  # then it is a hub id or "", never a path
        shown["configured_model"] = services.settings.base_model
    identity = identity_of(request)
    if identity.may("metrics"):
        try:
            shown |= await _details(services, identity)
        except StoreError as error:  # a restart would not mend the file, and a watchdog reads the status
            shown["notice"] = error.message
    return JSONResponse(shown, status_code=503 if failure else 200)


async def _details(services: Services, identity: Identity) -> dict[str, object]:
    """Of documents, those of AION's own tenant are told, or of those that the identity is for."""
    status = services.engine.status()
    own = services.settings.tenant
    is_own = identity.may_use(own)
    placement = services.serving.current.placement
    return {
        "failure": services.engine.failure,
        "adapters": [adapter.name for adapter in services.adapters.adapters.current()],
        "adapter_merged": services.adapters.merged,
        "version": __version__,
        "configured_model": services.settings.base_model,
        "local_llm": _local_llm_json(services),
        "embedder": services.library.embedder.name,
        "notice": await asyncio.to_thread(lambda: services.notice),
        "n_ctx": services.engine.n_ctx,
        "placement": placement.numbers if placement else {},
        "n_documents": await asyncio.to_thread(_n_documents, services, {own} if is_own else identity.tenants),
        "reembedding": await asyncio.to_thread(_reembedding_json, services.library.reembedding),
        "watch": _watch_json(services.library.watch) if is_own else None,
        "n_running": status.n_running,
        "n_waiting": status.n_waiting,
        "n_preempted": status.n_preempted,
    }


def _n_documents(services: Services, tenants: Set[str]) -> int:
    return sum(services.library.documents.count(tenant) for tenant in tenants)


def _local_llm_json(services: Services) -> dict[str, str] | None:
    """The other place that writes the local answers; null where this process does."""
    if services.elsewhere is None:
        return None
    return {"url": services.settings.local_llm_url, "model": services.elsewhere.model_name}


def _reembedding_json(reembedding: Reembedding) -> dict[str, int] | None:
    """How far the vectors of a new embedder are; null when all chunks have one."""
    progress = reembedding.progress
    return None if progress is None else {"done": progress.done, "total": progress.total}


def _watch_json(watch: Watch | None) -> dict[str, object] | None:
    """The watched folder; null when there is none."""
    if watch is None:
        return None
    status = watch.status
    failures = [{"path": path, "reason": reason} for path, reason in status.failures[:_MOST_FAILURES]]
    return {
        "folder": status.folder,
        "n_documents": status.n_documents,
        "n_waiting": status.n_waiting,
        "last_pass": status.last_pass,
        "problem": status.problem,
        "n_failures": len(status.failures),
        "failures": failures,
    }
