"""Where AION listens while nothing, a key or the operator's word keeps strangers out."""

from __future__ import annotations

from pathlib import Path

import pytest

from aion.errors import SettingsError
from aion.server.access.listening import is_loopback, listening_host
from aion.server.access.tokens import add_key
from aion.server.lifecycle.listen import address_of
from aion.settings import load_settings
from aion.store.connection import Store
from aion.store.keys import Keys

ANYWHERE = "0.0.0.0"


@pytest.mark.parametrize(
    ("host", "is_named", "has_key", "allows_anonymous", "bound"),
    [
        (ANYWHERE, False, False, False, "127.0.0.1"),
        (ANYWHERE, False, True, False, ANYWHERE),
        (ANYWHERE, False, False, True, ANYWHERE),
        (ANYWHERE, True, True, False, ANYWHERE),
        ("10.0.0.7", True, False, True, "10.0.0.7"),
        ("localhost", True, False, False, "localhost"),
        ("127.0.0.2", True, False, False, "127.0.0.2"),
        ("::1", True, False, False, "::1"),
    ],
)
def test_the_address(host: str, is_named: bool, has_key: bool, allows_anonymous: bool, bound: str) -> None:
    found = listening_host(host, is_named=is_named, has_key=has_key, allows_anonymous=allows_anonymous)
    assert found == bound


@pytest.mark.parametrize("host", [ANYWHERE, "::", "10.0.0.7", "aion.empresa.pt", "", "127.0.0.1.nip.io"])
def test_an_open_address_without_a_key_is_refused_with_both_ways_out(host: str) -> None:
    with pytest.raises(SettingsError, match=r"aion keys add NAME.*AION_ALLOW_ANONYMOUS=true") as caught:
        listening_host(host, is_named=True, has_key=False, allows_anonymous=False)
    assert f"AION_HOST={host} " in caught.value.message


def test_a_key_in_the_store_opens_the_address_and_a_revoked_one_does_not(tmp_path: Path) -> None:
    db = tmp_path / "aion.db"
    assert address_of(load_settings(db=db)) == "127.0.0.1"
    with Store(db) as store:
        assert address_of(load_settings(db=db)) == "127.0.0.1"
        add_key(Keys(store), "ana", ["chat"], ["default"])
        assert address_of(load_settings(db=db)) == ANYWHERE
        assert address_of(load_settings(db=db, host="10.0.0.7")) == "10.0.0.7"
        Keys(store).revoke("ana")
    with pytest.raises(SettingsError):
        address_of(load_settings(db=db, host="10.0.0.7"))


@pytest.mark.parametrize("address", ["::ffff:127.0.0.1", "[::1]", "LOCALHOST", "a.localhost.", "127.9.9.9"])
def test_this_machine(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["::ffff:10.0.0.7", "localhost.evil.example", "notlocalhost", "", "1"])
def test_other_machines(address: str) -> None:
    assert not is_loopback(address)
