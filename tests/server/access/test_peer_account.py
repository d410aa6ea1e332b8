"""A proxy of this machine that shows nothing of itself is known by its account."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from aion.server.access.peer_account import is_of_proxy
from tests.server.access.keyed import Keyed
from tests.server.live import DEADLINE_S

linux = pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell")
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a socket away")
NOBODY = 65534  # of Linux


@contextmanager
def connection(listen_at: str, connect_to: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The ends of a connection: who asks, and who is asked."""
    family = socket.AF_INET6 if ":" in listen_at else socket.AF_INET
    with (
        socket.create_server((listen_at, 0), family=family) as listening,
        socket.create_connection((connect_to, listening.getsockname()[1]), DEADLINE_S) as asking,
    ):
        asked, _ = listening.accept()
        with closing(asked):
            yield asking, asked


def judged(asked: socket.socket) -> bool:
    return is_of_proxy(asked.getpeername()[:2], asked.getsockname()[:2])


@linux
@root
@pytest.mark.parametrize(
    ("listen_at", "connect_to"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "::ffff:127.0.0.1"), ("::1", "::1")],
)
def test_the_account_of_whoever_asks_is_found(listen_at: str, connect_to: str) -> None:
    with connection(listen_at, connect_to) as (asking, asked):
        assert judged(asked) is False
        os.fchown(asking.fileno(), NOBODY, -1)
        assert judged(asked) is True


@linux
@pytest.mark.parametrize(
    ("leave", "is_refused"),
    [(lambda asking: asking.shutdown(socket.SHUT_WR), False), (lambda asking: asking.close(), True)],
    ids=["has said all and listens", "has left"],
)
def test_who_has_left_is_not_taken_for_somebody_here(
    leave: Callable[[socket.socket], None], *, is_refused: bool
) -> None:
    with connection("127.0.0.1", "127.0.0.1") as (asking, asked):
        leave(asking)
        assert judged(asked) is is_refused


@linux
@root
def test_what_a_proxys_account_hands_on_is_not_of_this_machine(keyed: Keyed) -> None:
    """Not one header says so, as with nginx from 1.29 on, as it comes."""
    request = b"GET /api/budget HTTP/1.1\r\nHost: 127.0.0.1:8008\r\nConnection: close\r\n\r\n"
    for owner, status in ((0, b"200"), (NOBODY, b"401")):
        with socket.create_connection(keyed.address, timeout=DEADLINE_S) as client:
            os.fchown(client.fileno(), owner, -1)
            client.sendall(request)
            assert client.recv(12) == b"HTTP/1.1 " + status
