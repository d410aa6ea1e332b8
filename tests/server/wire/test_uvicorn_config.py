"""What accepted connections have from the socket that listens, and how many there may be."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from aion.server.lifecycle.listen import bind
from aion.server.wire.open_connections import MOST, room_for_connections
from aion.server.wire.uvicorn_config import harden, limits_of
from aion.settings import load_settings


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the option is Linux's")
def test_accepted_connections_have_the_options_of_the_listening_socket() -> None:
    with closing(bind("127.0.0.1", 0)) as listening:
        harden(listening, 12.5)
        with (
            closing(socket.create_connection(listening.getsockname())),
            closing(listening.accept()[0]) as accepted,
        ):
            tcp = socket.IPPROTO_TCP
            assert accepted.getsockopt(tcp, socket.TCP_USER_TIMEOUT) == 12_500
            assert accepted.getsockopt(tcp, socket.TCP_KEEPIDLE) == 60
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_limits_follow_the_settings() -> None:
    limits = limits_of(load_settings(send_timeout_s=7.0))
    assert limits.send_timeout_s == 7.0
    assert 16 <= limits.connections.most == room_for_connections() <= MOST
    limits.follow(load_settings(send_timeout_s=3.0))
    assert limits.send_timeout_s == 3.0
