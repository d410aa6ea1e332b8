"""Whose documents a request is about."""

from __future__ import annotations

import asyncio

from starlette.requests import HTTPConnection

from aion.errors import Forbidden, NotFound
from aion.server.access.identity import ALL_TENANTS, Identity, identity_of
from aion.server.access.tokens import check_tenant
from aion.server.services import Services
from aion.store.index import Index


async def tenant_of(
    request: HTTPConnection, named: str | None, param: str = "tenant", *, may_be_new: bool = False
) -> str:
    """The tenant that a request names in `param`, or that its identity is for.

    Raises Forbidden for one that its key is not for, and for none where only the client can know; NotFound
    for one that it is not bound to and that has no documents, unless it `may_be_new`.
    """
    services: Services = request.app.state.services
    identity, own = identity_of(request), services.settings.tenant
    if named is None:
        return _unnamed(identity, own, param)
    if not identity.may_use(named):
        raise Forbidden(
            f"The tenant {named[:200]!r} is not one of {identity.name!r}; it is for {_listed(identity)}.",
            param=param,
        )
    if named == own or named in identity.tenants - {ALL_TENANTS}:
        return named
    if may_be_new:
        check_tenant(param, named)
        return named
    if named in await asyncio.to_thread(Index(services.library.store).tenants):
        return named
    raise NotFound(
        f"There is no tenant {named[:200]!r}; leave {param} out, or ingest documents with --tenant first.",
        param=param,
    )


def _unnamed(identity: Identity, own: str, param: str) -> str:
    if identity.may_use(own):
        return own
    if len(identity.tenants) == 1:
        return next(iter(identity.tenants))
    raise Forbidden(f"{identity.name!r} is for {_listed(identity)}; say which in {param}.", param=param)


def _listed(identity: Identity) -> str:
    return ", ".join(sorted(identity.tenants - {ALL_TENANTS})) or "no tenant"
