"""Which IP addresses may be connected to: public ones, and nothing that could be this machine or its network.

The check is made where the connection is: a name is resolved once, the addresses found are
checked, and one of them is connected to. There is no second resolution that could say otherwise.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Iterable

import httpcore2
from httpcore2 import NetworkBackend, NetworkStream, SyncBackend

from aion.errors import DocumentError

Resolver = Callable[[str, int], list[str]]
"""(host, port) to IP addresses, the best first. Raises OSError."""

MAX_TRIED = 4  # addresses of one host

# Global by the tables of IANA, yet another address is in them, behind them, or nobody's website.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # Teredo and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
# NAT64, IPv4-mapped and -compatible, site-local, ULA, link-local, multicast: all of them are outside.
_UNICAST = ipaddress.ip_network("2000::/3")


def is_public(text: str) -> bool:
    """Whether an IP address is a global unicast one, and only itself."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if "%" in text or (address.version == 6 and address not in _UNICAST):
        return False
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in _NEVER if network.version == address.version)


def resolve(host: str, port: int) -> list[str]:
    """What the system says, each address once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedNetwork(NetworkBackend):
    """Connects to public addresses only. `allowed` has (address, port) pairs that may be connected to
    all the same: for tests against a local server, and no setting fills it. Safe for threads."""

    def __init__(
        self, resolver: Resolver = resolve, allowed: frozenset[tuple[str, int]] = frozenset()
    ) -> None:
        self._resolve = resolver
        self._allowed = allowed
        self._network = SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """A connection to the first address of `host` that answers, `timeout` seconds for its name and as
        much for each address. Raises DocumentError."""
        failure: Exception | None = None
        for address in self._checked(host, port, timeout):
            try:
                stream = self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = failure or error
                continue
            self._check_peer(stream, host, port)
            return stream
        assert failure is not None
        raise failure

    def _checked(self, host: str, port: int, timeout: float | None) -> list[str]:
        """The addresses of `host` that may be connected to; at least one."""
        try:
            found = _within(timeout, lambda: self._resolve(host, port))
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"its name is not known: {error}") from error
        good = [address for address in found if self._may_connect(address, port)]
        if not good:
            raise DocumentError(
                f"{host} is at {', '.join(found) or 'no address'}, which is not public; AION fetches from "
                "public addresses only: ingest the files themselves."
            )
        return good[:MAX_TRIED]

    def _check_peer(self, stream: NetworkStream, host: str, port: int) -> None:
        peer = stream.get_extra_info("server_addr")
        if peer is None or not self._may_connect(str(peer[0]), port):
            stream.close()
            raise DocumentError(
                f"{host} was reached at {peer}, which is not public; nothing was asked of it."
            )

    def _may_connect(self, address: str, port: int) -> bool:
        return is_public(address) or (address, port) in self._allowed


def _within(timeout: float | None, resolve: Callable[[], list[str]]) -> list[str]:
    """What `resolve` returns or raises. The system's resolver has no time limit; a thread waits for it, and
    is left behind when it takes too long. Raises ConnectTimeout."""
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve())
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answers.get(timeout=timeout)
    except queue.Empty as error:
        raise httpcore2.ConnectTimeout("its name was not looked up in time") from error
    if isinstance(found, Exception):
        raise found
    return found
