"""How uvicorn serves AION: its settings, and the socket's, against peers that mean no good or have gone."""

from __future__ import annotations

import socket

import uvicorn
from starlette.types import ASGIApp

from aion.server.wire.connection import guarded
from aion.server.wire.limits import ConnectionLimits
from aion.server.wire.open_connections import OpenConnections, room_for_connections
from aion.settings import Settings

KEEP_ALIVE_S = 75  # longer than clients and proxies keep one, or they would send just when it is closed
_UNSENT_BYTES = 128 * 1024


def limits_of(settings: Settings) -> ConnectionLimits:
    """Those of a server in a process of its own, whose limit of open files is raised for it."""
    return ConnectionLimits(settings.send_timeout_s, connections=OpenConnections(room_for_connections()))


def uvicorn_config(app: ASGIApp, limits: ConnectionLimits, grace_s: float = 0.0) -> uvicorn.Config:
    """For a server of `app` whose connections obey `limits`; running requests get `grace_s` to end."""
    return uvicorn.Config(
        app,
        http=guarded(limits),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=grace_s,  # type: ignore[arg-type]
    )


def harden(listening: socket.socket, send_timeout_s: float) -> None:
    """Options that accepted connections inherit (Linux): a peer that acknowledges nothing for that long is
    dropped by the kernel, one that is silent is asked whether it is there, and little waits unsent in the
    kernel for one that does not read."""
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_USER_TIMEOUT", int(send_timeout_s * 1000)),
        ("TCP_KEEPIDLE", 60),
        ("TCP_KEEPINTVL", 15),
        ("TCP_KEEPCNT", 4),
        ("TCP_NOTSENT_LOWAT", _UNSENT_BYTES),
    ):
        if hasattr(socket, name):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
