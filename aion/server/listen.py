"""Binds the port, loads the services and runs uvicorn; a port in use is one sentence."""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn

from aion.errors import SettingsError
from aion.server.app import create_app
from aion.server.daily_export import DailyExport
from aion.server.one_maker import GgufProgress
from aion.server.retention import Retention
from aion.server.services import Services, open_services
from aion.settings import Settings

_GRACE_S = 5


@dataclass(frozen=True, slots=True)
class Listening:
    """Bound and loaded; `run` serves until a signal ends it."""

    services: Services
    url: str
    run: Callable[[], None]


@contextlib.contextmanager
def listen(settings: Settings, progress: GgufProgress | None = None) -> Iterator[Listening]:
    """Bind first (a taken port is known at once), then load; all is released on leaving."""
    with (
        contextlib.closing(bind(settings.bind_host, settings.port)) as bound,
        open_services(settings, progress) as services,
        contextlib.closing(Retention(services.library.store, settings.events_days)) as retention,
        contextlib.closing(DailyExport(settings, services.library.store)) as daily_export,
    ):
        host, port = bound.getsockname()[:2]
        config = uvicorn.Config(
            create_app(services), log_level="warning", timeout_graceful_shutdown=_GRACE_S, server_header=False
        )
        server = uvicorn.Server(config)
        if services.library.watch is not None:
            services.library.watch.start()
        services.library.reembedding.start()
        services.library.log.reserve()
        retention.start()
        daily_export.start()
        yield Listening(services, f"http://{host}:{port}", lambda: _run(server, bound))


def _run(server: uvicorn.Server, bound: socket.socket) -> None:
    """Serve until a signal. uvicorn raises that signal once more when it has ended, which would kill the
    process before its parts are closed: an end that was asked for is a good end."""
    ignored = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[bound])
    finally:
        for number, handler in ignored.items():
            signal.signal(number, handler)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens, so the address is ours from now on. Raises SettingsError when it is not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            remedy = f"stop the program that uses it, or take another with AION_PORT={port + 1}"
            raise SettingsError(f"Port {port} on {host} is already in use; {remedy}.") from error
        raise SettingsError(
            f"Cannot listen on {host}:{port} ({error.strerror}); change AION_HOST or AION_PORT."
        ) from error
    return bound
