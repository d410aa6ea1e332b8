from __future__ import annotations

import contextlib

import pytest

from aion.errors import SettingsError
from aion.server.lifecycle.listen import bind


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
