"""Keys on record: names, ends, sessions that end with them."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aion.errors import InvalidRequest, NotFound
from aion.store.connection import Store
from aion.store.keys import Key, Keys, utc_text
from aion.store.sessions import Sessions


def added(keys: Keys, key_id: str, name: str, expires_at: str | None = None) -> Key:
    return keys.add(key_id, name, "0" * 64, ("chat",), ("default",), expires_at)


def test_what_was_added_is_found(store: Store) -> None:
    keys = Keys(store)
    key = keys.add("k1", "ana", "ab" * 32, ("chat", "ingest"), ("a", "b"), "2999-01-01T00:00:00.000Z")
    assert keys.find("k1") == key
    assert keys.list() == (key,)
    assert (key.roles, key.tenants, key.last_used_at) == (("chat", "ingest"), ("a", "b"), None)
    assert keys.find("k2") is None


def test_a_name_is_of_one_key_in_use(store: Store) -> None:
    keys = Keys(store)
    added(keys, "k1", "ana")
    with pytest.raises(InvalidRequest, match="'ana' already"):
        added(keys, "k2", "ana")
    keys.revoke("ana")
    assert added(keys, "k2", "ana").name == "ana"
    assert [(key.id, key.revoked_at is None) for key in keys.list()] == [("k1", False), ("k2", True)]


def test_the_command_in_the_sentence_can_be_copied(store: Store) -> None:
    keys, name = Keys(store), 'ana; rm -rf "x"'
    added(keys, "k1", name)
    with pytest.raises(InvalidRequest) as caught:
        added(keys, "k2", name)
    command = caught.value.message.split("`")[1]
    assert shlex.split(command) == ["aion", "keys", "revoke", name]


def test_an_expired_key_makes_room_for_its_name_and_counts_until_then(store: Store) -> None:
    keys, ended = Keys(store), utc_text(datetime.now(UTC) - timedelta(seconds=1))
    first = added(keys, "k1", "ana", ended)
    assert not first.is_live(utc_text())
    assert keys.any_in_use()
    added(keys, "k2", "ana")
    found = keys.find("k1")
    assert found is not None
    assert found.revoked_at is not None


def test_a_key_is_revoked_by_name_or_id_and_once(store: Store) -> None:
    keys = Keys(store)
    added(keys, "k1", "ana")
    added(keys, "k2", "rui")
    assert keys.revoke("k1").name == "ana"
    assert keys.any_in_use()
    assert keys.revoke("rui").id == "k2"
    assert not keys.any_in_use()
    for named in ("ana", "k1", "nobody"):
        with pytest.raises(NotFound):
            keys.revoke(named)


def test_sessions_end_with_their_key(store: Store) -> None:
    keys, sessions = Keys(store), Sessions(store)
    for key_id in ("k1", "k2"):
        added(keys, key_id, key_id)
        sessions.begin(f"hash of {key_id}", key_id, 1)
    keys.revoke("k1")
    assert sessions.key_id("hash of k1") is None
    assert sessions.key_id("hash of k2") == "k2"


def test_another_connection_sees_a_change_at_once(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as here, Store(tmp_path / "aion.db") as there:
        seen, changed = Keys(here), Keys(there)
        assert not seen.any_in_use()
        added(changed, "k1", "ana")
        assert seen.any_in_use()
        changed.revoke("ana")
        found = seen.find("k1")
        assert found is not None
        assert found.revoked_at is not None


def test_the_last_use_is_kept(store: Store) -> None:
    keys = Keys(store)
    added(keys, "k1", "ana")
    keys.used("k1", "2026-01-01T00:00:00.000Z")
    found = keys.find("k1")
    assert found is not None
    assert found.last_used_at == "2026-01-01T00:00:00.000Z"


def test_texts_of_times_compare_as_the_times_do() -> None:
    moment = datetime(2026, 1, 31, 23, 59, 59, 999_999, UTC)
    assert utc_text(moment) == "2026-01-31T23:59:59.999Z"
    assert utc_text(moment) < utc_text(moment + timedelta(milliseconds=1))
