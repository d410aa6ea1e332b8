"""By which names this server is asked: the Host header, checked against DNS rebinding. Pure ASGI.

A page of evil.example can have its name point at this machine; the browser then takes AION for a part of
that page, and only Host still says so. An address or localhost cannot be made to point elsewhere, any other
name can.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from aion.server.failures import error_body

if TYPE_CHECKING:
    from aion.server.services import Services

_HOST = re.compile(
    r"(?P<name>\[[0-9a-f:.]+(?:%[\w.~-]+)?\]|[\w.-]+)(?::(?P<port>\d{1,5}))?", re.ASCII | re.IGNORECASE
)


class Hosts:
    """Refuses with 421 a request for a name that is not this server's, and with 400 one that names none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        services: Services = scope["app"].state.services
        refusal = refused(Headers(scope=scope).getlist("host"), services.settings.allowed_hosts)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, message = refusal
        await JSONResponse(error_body(message, "invalid_request_error", "Host"), status)(scope, receive, send)


def refused(hosts: list[str], allowed: str) -> tuple[int, str] | None:
    """The status and the sentence for a request with these Host headers; None where it may pass. `allowed` is
    AION_ALLOWED_HOSTS."""
    if len(hosts) != 1:
        what = f"{len(hosts)} times" if hosts else "no"
        return 400, f"The request has {what} the header Host; send it once, as in Host: 127.0.0.1:8008."
    name = host_name(hosts[0])
    if name is None:
        return 400, f"Host is {hosts[0][:200]!r}, which is no host; send a name or an address with its port."
    if is_own(name, allowed):
        return None
    return 421, (
        f"This server is not asked by the name {name[:200]!r}; if it is its name, add it to "
        "AION_ALLOWED_HOSTS; else ask by its address."
    )


def host_name(host: str) -> str | None:
    """The name or the address in a Host header, in small letters, without port, brackets and last dot; None
    where it is none."""
    match = _HOST.fullmatch(host.strip())
    if match is None or int(match["port"] or 0) > 65535:
        return None
    name = match["name"].lower()
    if name.startswith("["):
        return name[1:-1] if _is_address(name[1:-1]) else None
    return name.removesuffix(".") or None


def is_own(name: str, allowed: str) -> bool:
    """Whether no stranger can have made this name, or the operator named it."""
    if _is_address(name) or name == "localhost" or name.endswith(".localhost"):
        return True
    return name in _own_names() or any(_matches(name, pattern) for pattern in host_patterns(allowed))


@lru_cache(maxsize=8)
def host_patterns(allowed: str) -> tuple[str, ...]:
    """AION_ALLOWED_HOSTS apart, in small letters."""
    return tuple(item for part in allowed.split(",") if (item := part.strip().lower().removesuffix(".")))


def _matches(name: str, pattern: str) -> bool:
    """`*.empresa.pt` is every name under empresa.pt and not empresa.pt itself."""
    if pattern.startswith("*."):
        return name.endswith(pattern[1:]) and len(name) >= len(pattern)
    return pattern in ("*", name)


@lru_cache(maxsize=1)
def _own_names() -> frozenset[str]:
    """What this machine calls itself, and the name it has in its own network (mDNS)."""
    name = socket.gethostname().lower().removesuffix(".")
    return frozenset({name, f"{name.partition('.')[0]}.local"})


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
