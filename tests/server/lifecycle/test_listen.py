from __future__ import annotations

import contextlib
import ipaddress
import socket
from urllib.parse import urlsplit

import pytest

from aion.errors import SettingsError
from aion.server.lifecycle.listen import bind, url_of


def test_a_bound_address_is_held_at_once() -> None:
    with contextlib.closing(bind("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"Port {port} .*AION_PORT={port + 1}"):
            bind("127.0.0.1", port)


def test_a_port_is_free_again_after_closing() -> None:
    with contextlib.closing(bind("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
    with contextlib.closing(bind("127.0.0.1", port)) as again:
        assert again.getsockname()[1] == port


def test_an_address_that_is_not_ours_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match=r"Cannot listen on 192\.0\.2\.1:0 .*AION_HOST"):
        bind("192.0.2.1", 0)


def test_a_host_that_is_no_address_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match="AION_HOST"):
        bind("no such host", 0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_of_all_addresses_one_is_told_that_can_be_asked_by(host: str) -> None:
    with contextlib.closing(_bound(host)) as bound:
        told = urlsplit(url_of(bound))
        assert not ipaddress.ip_address(str(told.hostname)).is_unspecified
        with contextlib.closing(socket.create_connection((str(told.hostname), told.port or 0), timeout=9)):
            pass


@pytest.mark.parametrize(("host", "told"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_one_address_is_told_as_it_is(host: str, told: str) -> None:
    with contextlib.closing(_bound(host)) as bound:
        assert url_of(bound) == f"{told}{bound.getsockname()[1]}"


def _bound(host: str) -> socket.socket:
    try:
        return bind(host, 0)
    except SettingsError:
        if ":" in host:
            pytest.skip("this machine has no IPv6")
        raise
