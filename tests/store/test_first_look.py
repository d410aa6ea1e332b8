"""Whether there is a key, before the file is opened for good."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from aion.errors import StoreError
from aion.store.connection import Store
from aion.store.first_look import holds_key
from aion.store.keys import Keys


def test_a_key_counts_until_it_is_revoked(tmp_path: Path) -> None:
    file = tmp_path / "aion.db"
    assert not holds_key(file)
    assert not file.exists()
    with Store(file) as store:
        assert not holds_key(file)
        key = Keys(store).add("k1", "loja", "0" * 64, ["chat"], ["default"])
        assert holds_key(file)  # while another has it open
        Keys(store).revoke(key.id)
    assert not holds_key(file)


def test_a_file_of_before_there_were_keys_has_none(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    with apsw.Connection(str(file)) as db:
        db.execute("CREATE TABLE documents (id INTEGER PRIMARY KEY)")
    before = file.read_bytes()
    assert not holds_key(file)
    assert file.read_bytes() == before


def test_what_is_no_store_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "aion.db").write_text("This is a letter, not a file of SQLite." * 100)
    with pytest.raises(StoreError, match=r"cannot be read .*AION_DB"):
        holds_key(tmp_path / "aion.db")
