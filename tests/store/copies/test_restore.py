from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aion.errors import StoreError
from aion.store.connection import Store
from aion.store.copies import restore as restoring
from aion.store.copies.page_copy import snapshot
from aion.store.copies.provenance import generation
from aion.store.copies.restore import restore
from aion.store.event_rows import Entry, Line
from aion.store.events import Events
from aion.store.keys import Keys
from aion.store.lexical import Lexical
from aion.store.migrations import MIGRATIONS
from aion.store.vectors import Vectors
from aion.types import Event
from tests.small_disk import files_up_to
from tests.store.copying import (
    add_events,
    back_up,
    filled,
    names,
    old_store,
    put_back,
    quiet,
    schema_of,
    values,
)
from tests.store.rows import put, unit
from tests.store.spending import budget, committed


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Of a store with the events 0 to 9."""
    (tmp_path / "from").mkdir()
    back_up(filled(tmp_path / "from" / "aion.db", 10), tmp_path / "from" / "backup.db")
    return tmp_path / "from" / "backup.db"


def test_open_stores_go_on_with_what_was_restored(backup: Path, tmp_path: Path) -> None:
    path = filled(tmp_path / "aion.db", 30)
    with Store(path) as store, Store(path) as other:
        before = _generation(store), len(Events(other).list("t", limit=100))
        done = put_back(backup, path, tmp_path / "kept.db")
        assert (done.facts.n_events, done.trouble) == (10, "")
        for opened in (store, other):
            assert [event.value for event in Events(opened).all("t")] == list(range(10))
        assert (_generation(store), 10) != before
        assert add_events(store, 1) == [31]
        assert len(Events(other).list("t", limit=100)) == 11
    assert values(tmp_path / "kept.db") == list(range(30))
    assert names(tmp_path) == ["aion.db", "from", "kept.db"]


def _generation(store: Store) -> str:
    with store.read() as db:
        return generation(db)


def test_copies_of_vectors_in_memory_are_made_anew(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        put(store, "t", "a.md", ["eins", "zwei drei"])
        back_up(store.path, tmp_path / "backup.db")
        put(store, "t", "a.md", ["vier fuenf sechs", "sieben"])
        vectors = Vectors(store)
        vectors.warm("t", "e")
        assert vectors.nearest("t", "e", unit(6), 1)[0][1] > 0.99
        put_back(tmp_path / "backup.db", store.path)
        for _ in range(2):  # by vec0 first, then by the new copy
            assert vectors.nearest("t", "e", unit(6), 1)[0][1] < 0.99
            assert vectors.nearest("t", "e", unit(4), 1)[0][1] > 0.99
            vectors.warm("t", "e")


def test_counts_of_stems_are_counted_anew(tmp_path: Path) -> None:
    for name, texts in (("a", ["um dois", "um"]), ("b", ["dois", "dois"])):
        with Store(tmp_path / f"{name}.db") as store:
            put(store, "t", "a.md", texts)
    back_up(tmp_path / "b.db", tmp_path / "backup.db")
    with Store(tmp_path / "a.db") as store:
        lexical = Lexical(store)
        assert lexical.rarity("t", ["um", "dois"]).counts == {"um": 2, "dois": 1}
        put_back(tmp_path / "backup.db", store.path)
        assert lexical.rarity("t", ["um", "dois"]).counts == {"um": 0, "dois": 2}


def test_ids_money_and_revocations_are_not_taken_back(tmp_path: Path) -> None:
    path, backup = tmp_path / "aion.db", tmp_path / "backup.db"
    with Store(path) as store:
        paid = budget(store)
        early = paid.reserve("t", 100, "rag-answer")
        _add_key(store, "kept", None)
        _add_key(store, "revoked", None)
        add_events(store, 3)
        back_up(path, backup)
        add_events(store, 4)
        paid.settle(early, 90)
        late = paid.reserve("t", 50, "rag-answer")
        with store.write() as db:
            db.execute("UPDATE keys SET revoked_at = '2026-11-23' WHERE id = 'revoked'")
            db.execute("DELETE FROM sessions")
        _add_key(store, "later", None)
        put_back(backup, path)
        paid.settle(late, 40)
        assert committed(paid) == (130, 2)
        with store.read() as db:
            keys = db.execute("SELECT id, revoked_at FROM keys ORDER BY id").fetchall()
            assert keys == [("kept", None), ("later", None), ("revoked", "2026-11-23")]
            assert db.execute("SELECT key_id FROM sessions").fetchall() == [("later",)]
        assert add_events(store, 1) == [8]


def _add_key(store: Store, key_id: str, revoked_at: str | None) -> None:
    with store.write() as db:
        db.execute(
            "INSERT INTO keys (id, name, secret_sha256, roles, tenants, created_at, revoked_at) "
            "VALUES (?1, ?1, '', '[]', '[]', '', ?2)",
            (key_id, revoked_at),
        )
        db.execute("INSERT INTO sessions VALUES (?1, ?1, '', '')", (key_id,))


def test_a_backup_without_keys_opens_no_door(tmp_path: Path) -> None:
    back_up(filled(tmp_path / "before.db", 1), tmp_path / "backup.db")
    with Store(tmp_path / "aion.db") as store:
        _add_key(store, "admin", None)
        put_back(tmp_path / "backup.db", store.path)
        assert Keys(store).any_in_use()


def test_of_keys_of_one_name_in_two_histories_the_stores_own_stays(tmp_path: Path) -> None:
    for name in "ab":
        with Store(tmp_path / f"{name}.db") as store:
            _add_key(store, name, None)
            with store.write() as db:
                db.execute("UPDATE keys SET name = 'ana'")
    back_up(tmp_path / "b.db", tmp_path / "backup.db")
    put_back(tmp_path / "backup.db", tmp_path / "a.db")
    with Store(tmp_path / "a.db") as store:
        assert [(key.id, key.revoked_at is None) for key in Keys(store).list()] == [("a", True), ("b", False)]


def test_paid_calls_of_two_histories_do_not_cover_each_other(tmp_path: Path) -> None:
    for name, micros in (("a", 100), ("b", 7)):
        with Store(tmp_path / f"{name}.db") as store:
            spent = budget(store)
            spent.settle(spent.reserve(name, micros, "rag-answer"), micros)
    back_up(tmp_path / "b.db", tmp_path / "backup.db")
    put_back(tmp_path / "backup.db", tmp_path / "a.db")
    with Store(tmp_path / "a.db") as store:
        assert committed(budget(store), "a") == (100, 1)
        assert committed(budget(store), "b") == (7, 1)


def test_what_waited_for_the_disk_is_kept_with_what_goes(backup: Path, tmp_path: Path) -> None:
    late = Entry("t", (Line(Event("late", 7)),), key="one")
    path = filled(tmp_path / "aion.db", 2)
    restore(backup, path, tmp_path / "kept.db", [late], quiet)
    assert values(path) == list(range(10))
    assert values(tmp_path / "kept.db") == [0, 1, 7]


def test_a_store_that_is_not_there_is_made(backup: Path, tmp_path: Path) -> None:
    put_back(backup, tmp_path / "aion.db")
    with Store(tmp_path / "aion.db") as store, store.read() as db:
        assert db.execute("PRAGMA journal_mode").get == "wal"
        assert add_events(store, 1) == [11]


def test_a_backup_of_an_older_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    back_up(old_store(tmp_path / "old.db", 2), tmp_path / "backup.db")
    path = filled(tmp_path / "aion.db")
    assert put_back(tmp_path / "backup.db", path).facts.schema == 2
    assert schema_of(path) == len(MIGRATIONS)
    with Store(path) as store, store.read() as db:
        assert db.execute("SELECT source FROM documents").get == "a.md"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_backup_is_refused_and_nothing_changes(
    backup: Path, tmp_path: Path, share: float
) -> None:
    path = tmp_path / "aion.db"
    if not path.exists():
        filled(path, 2)
    cut = tmp_path / "cut.db"
    shutil.copy(backup, cut)
    os.truncate(cut, int(share * cut.stat().st_size))
    with pytest.raises(StoreError, match=r"cut\.db is (damaged|empty)"):
        put_back(cut, path, tmp_path / "kept.db")
    assert values(path) == [0, 1]
    assert names(tmp_path) == ["aion.db", "cut.db", "from"]


def test_backups_that_are_none_are_refused(backup: Path, tmp_path: Path) -> None:
    path = filled(tmp_path / "aion.db", 2)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE migrations (version)")
    db.close()
    with pytest.raises(StoreError, match=r"other\.db is an SQLite file of another program"):
        put_back(other, path)
    with Store(backup) as store, store.write() as newer:
        newer.execute("INSERT INTO migrations VALUES (99, 'later', '')")
    with pytest.raises(StoreError, match=r"backup\.db has schema 99 and this AION .* upgrade AION"):
        put_back(backup, path)
    other.write_text("text " * 100)
    with pytest.raises(StoreError, match=r"other\.db is damaged or no SQLite file"):
        put_back(other, path)
    assert values(path) == [0, 1]


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    path = filled(tmp_path / "aion.db", 5)
    back_up(filled(tmp_path / "big.db", 300), tmp_path / "backup.db")
    size = (tmp_path / "backup.db").stat().st_size
    with Store(path) as store:
        for n_bytes in (size // 2, size + 500):  # beside the file, and in its log of writes
            with files_up_to(n_bytes), pytest.raises(StoreError, match=r"could not be written .*free space"):
                put_back(tmp_path / "backup.db", path)
            assert [event.value for event in Events(store).all("t")] == list(range(5))
        assert add_events(store, 1) == [6]


@pytest.mark.parametrize("what", ["reading the backup", "keeping what is there", "restoring"])
def test_a_killed_restore_has_changed_nothing(backup: Path, tmp_path: Path, what: str) -> None:
    path = filled(tmp_path / "aion.db", 5)
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from aion.store.copies import page_copy; from aion.store.copies.restore import restore\n"
        "page_copy.N_TOGETHER = 4\n"
        "def progress(what, done, total):\n"
        "    if what == sys.argv[4]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "restore(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), (), progress)\n"
    )
    command = [sys.executable, "-c", program, str(backup), str(path), str(tmp_path / "kept.db"), what]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, check=False, env=environment).returncode == -signal.SIGKILL
    with Store(path) as store:
        assert [event.value for event in Events(store).all("t")] == list(range(5))
    put_back(backup, path)
    assert values(path) == list(range(10))
    left = {"aion.db", "from"} | ({"kept.db"} if what == "restoring" else set())
    assert set(names(tmp_path)) == left


def test_a_damaged_store_is_replaced_and_kept_as_it_is(backup: Path, tmp_path: Path) -> None:
    path = filled(tmp_path / "aion.db", 100)
    with path.open("r+b") as file:
        file.seek(16384 + 100)
        file.write(b"\xff" * (path.stat().st_size - 20_000))
    damaged = path.read_bytes()
    done = put_back(backup, path, tmp_path / "kept.db")
    assert "was damaged" in done.trouble
    assert values(path) == list(range(10))
    assert (tmp_path / "kept.db").read_bytes()[16384:] == damaged[16384:]


def test_of_a_damaged_store_all_that_can_be_read_is_carried_over(tmp_path: Path) -> None:
    path, backup = tmp_path / "aion.db", tmp_path / "backup.db"
    with Store(path) as store:
        _add_key(store, "revoked", None)
        back_up(path, backup)
        spent = budget(store)
        spent.settle(spent.reserve("t", 100, "rag-answer"), 100)
        with store.write() as db:
            db.execute("UPDATE keys SET revoked_at = '2026-11-23'")
            page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'sessions'").get
    with path.open("r+b") as file:
        file.seek((page - 1) * 16384)
        file.write(b"\xff" * 16384)
    assert "not all is carried over of sessions" in put_back(backup, path).trouble
    with Store(path) as store, store.read() as db:
        assert db.execute("SELECT revoked_at FROM keys").get == "2026-11-23"
        assert db.execute("SELECT count(*) FROM sessions").get == 0
        assert committed(budget(store)) == (100, 1)


def test_a_backup_that_was_copied_into_place_is_replaced_like_any_store(backup: Path, tmp_path: Path) -> None:
    path = tmp_path / "aion.db"
    back_up(filled(tmp_path / "other.db", 3), path)  # it has no log of writes yet
    put_back(backup, path, tmp_path / "kept.db")
    assert (values(path), values(tmp_path / "kept.db")) == (list(range(10)), [0, 1, 2])


def test_a_store_without_a_header_is_not_replaced(backup: Path, tmp_path: Path) -> None:
    path = tmp_path / "aion.db"
    path.write_bytes(b"\xff" * 50_000)
    with pytest.raises(StoreError, match=r"so damaged that .* stop AION, move .*aion\.db away"):
        put_back(backup, path)
    assert path.read_bytes() == b"\xff" * 50_000


def test_another_programs_file_is_not_replaced(backup: Path, tmp_path: Path) -> None:
    path = tmp_path / "aion.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="of another program"):
        put_back(backup, path)
    assert path.read_bytes() == before


def test_a_lock_held_elsewhere_is_named(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path / "aion.db", 2)
    monkeypatch.setattr(restoring, "_WAIT_S", 0.1)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="was locked by another process"):
        put_back(backup, path)
    other.close()
    assert values(path) == [0, 1]


def test_a_newer_aions_file_can_be_taken_back(backup: Path, tmp_path: Path) -> None:
    path = filled(tmp_path / "aion.db", 20)
    with Store(path) as store, store.write() as db:
        db.execute("INSERT INTO migrations VALUES (99, 'later', '')")
    put_back(backup, path, tmp_path / "kept.db")
    with Store(path) as store:
        assert add_events(store, 1) == [21]
    with snapshot(tmp_path / "kept.db") as kept:
        assert kept.execute("SELECT max(version) FROM migrations").get == 99


def test_another_page_size_is_made_the_files_own(tmp_path: Path) -> None:
    path = filled(tmp_path / "aion.db", 3)
    back_up(filled(tmp_path / "other.db", 9), tmp_path / "backup.db")
    db = apsw.Connection(str(tmp_path / "backup.db"))
    db.execute("PRAGMA page_size = 4096")
    db.execute("VACUUM")
    db.close()
    put_back(tmp_path / "backup.db", path)
    assert values(path) == list(range(9))
    with snapshot(path) as found:
        assert found.execute("PRAGMA page_size").get == 16384
