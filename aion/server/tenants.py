"""Whose documents a request is about."""

from __future__ import annotations

import asyncio

from aion.errors import NotFound
from aion.server.services import Services
from aion.store.index import Index


async def tenant_of(services: Services, named: str | None, param: str = "tenant") -> str:
    """The tenant a request names, that of the settings where it names none. Raises NotFound for one that
    has no documents."""
    own = services.settings.tenant
    if named is None or named == own:
        return own
    if named not in await asyncio.to_thread(Index(services.library.store).tenants):
        raise NotFound(
            f"There is no tenant {named!r}; leave {param} out, or ingest documents with --tenant first.",
            param=param,
        )
    return named
