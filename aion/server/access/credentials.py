"""What a request brings to say who sends it, and whether it comes from this very machine. Judges no key."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from aion.server.access.listening import is_loopback
from aion.server.access.peer_account import is_of_proxy
from aion.server.access.tokens import is_ours

# What proxies add. Behind one, everybody seems to come from its address, this machine's perhaps.
_FORWARDED = frozenset({
    "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip",
    "cf-connecting-ip",
})  # fmt: skip
_FORWARDED_PREFIX = "x-forwarded-"


def sent_token(headers: Headers) -> str | None:
    """The token of `Authorization: Bearer` or `x-api-key`, that of AION's form where they differ; None where
    neither says anything. Other schemes of `Authorization` are meant for others, a proxy perhaps."""
    scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
    sent = [bearer.strip() if scheme.lower() == "bearer" else "", headers.get("x-api-key", "").strip()]
    tokens = [token for token in sent if token]
    return next((token for token in tokens if is_ours(token)), tokens[0] if tokens else None)


def is_local(request: HTTPConnection) -> bool:
    """Whether it was sent from this machine to this machine, and nothing says that somebody handed it on."""
    client, server = request.client, request.scope.get("server")
    if client is None or server is None or not is_loopback(client.host):
        return False
    if request.scope.get("http_version") == "1.0":  # nginx before 1.29, as it comes: it shows nothing else
        return False
    origin = request.headers.get("origin", "http://localhost").partition("://")[2]
    if not all(is_loopback(_without_port(each)) for each in (request.headers.get("host", ""), origin)):
        return False
    if any(name in _FORWARDED or name.startswith(_FORWARDED_PREFIX) for name in request.headers):
        return False
    return not is_of_proxy(client, server)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and not name.endswith(":") else host
