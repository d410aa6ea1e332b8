"""Where this AION listens, by its settings and by whether there is a key; an address that cannot be had is
one sentence."""

from __future__ import annotations

import contextlib
import errno
import socket

from aion.errors import SettingsError
from aion.server.access.listening import listening_host
from aion.settings import Settings
from aion.store.first_look import holds_key


def address_of(settings: Settings) -> str:
    """The address to bind (aion/server/access/listening.py). Raises SettingsError and StoreError."""
    return listening_host(
        settings.host,
        is_named="host" in settings.model_fields_set,
        has_key=holds_key(settings.db),
        allows_anonymous=settings.allow_anonymous,
    )


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


def url_of(bound: socket.socket) -> str:
    """Where it answers, as somebody types it: of all addresses of this machine the one that others reach."""
    host, port = bound.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - an address to listen on, and none to ask by
        host = _own_address(bound.family)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address(family: int) -> str:
    """That from which this machine would speak to a far one; the kernel says it, and nothing is sent."""
    far, here = ("2001:db8::1", "::1") if family == socket.AF_INET6 else ("192.0.2.1", "127.0.0.1")
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.connect((far, 9))
        return str(asked.getsockname()[0])
    return here
