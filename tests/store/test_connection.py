from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from aion.errors import StoreError
from aion.store import connection
from aion.store.connection import Store
from aion.store.events import Events
from aion.store.migrations import MIGRATIONS
from aion.store.opening import open_file
from aion.types import Event


def test_a_new_file_has_the_pragmas(store: Store) -> None:
    with store.read() as db:
        pragmas = ("journal_mode", "page_size", "foreign_keys", "synchronous")
        assert [db.execute(f"PRAGMA {name}").get for name in pragmas] == ["wal", 16384, 1, 2]


def test_a_new_file_is_its_owners_alone_and_an_old_one_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "aion.db"
    with Store(path):
        assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    path.chmod(0o660)
    with Store(path):
        assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o660}


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError), store.read() as db:
        db.execute("DELETE FROM documents")


def test_an_error_rolls_the_block_back(store: Store) -> None:
    with pytest.raises(StoreError, match="UNIQUE"), store.write() as db:
        db.executemany("INSERT INTO embedders (name, n_dims, added_at) VALUES (?, 2, '')", [("e",), ("e",)])
    with store.write() as db:
        assert db.execute("SELECT count(*) FROM embedders").get == 0


def test_nested_writes_are_refused_and_undo_the_outer_one(store: Store) -> None:
    events = Events(store)
    with pytest.raises(StoreError, match="transaction"), store.write() as db:
        _nest(store, db)
    assert events.list("t") == ()


def _nest(store: Store, db: apsw.Connection) -> None:
    db.execute("INSERT INTO events (tenant, at, kind, value, meta) VALUES ('t', '', 'k', 1, '{}')")
    Events(store).append("t", Event("k", 2))


def test_threads_write_in_turn_and_read_at_once(store: Store) -> None:
    events = Events(store)

    def work(name: str) -> None:
        for n in range(20):
            events.append("t", Event(name, n))
            events.list("t", name)

    threads = [threading.Thread(target=work, args=(f"k{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(events.list("t", limit=1000)) == 80


def test_what_is_committed_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "aion.db"
    program = (
        "import os, sys, signal; from pathlib import Path\n"
        "from aion.store.connection import Store; from aion.store.events import Events\n"
        "from aion.types import Event\n"
        "store = Store(Path(sys.argv[1])); Events(store).append('t', Event('answer', 1))\n"
        "with store.write() as db:\n"
        "    db.execute(\"INSERT INTO embedders (name, n_dims, added_at) VALUES ('half', 2, '')\")\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False, env=_with_path())
    with Store(path) as store, store.read() as db:
        assert len(Events(store).list("t")) == 1
        assert db.execute("SELECT count(*) FROM embedders").get == 0


def test_several_processes_create_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "aion.db"
    program = (
        "import sys; from pathlib import Path\n"
        "from aion.store.connection import Store; Store(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(path)]
    processes = [subprocess.Popen(command, env=_with_path()) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    with Store(path) as store, store.read() as db:
        assert db.execute("SELECT count(*) FROM migrations").get == len(MIGRATIONS)


def test_a_file_that_is_not_sqlite_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("not a database, " * 100)
    with pytest.raises(StoreError, match=r"notes\.db is not an SQLite file; .*AION_DB"):
        Store(path)
    assert path.read_text() == "not a database, " * 100


def test_another_programs_file_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE migrations (version)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="of another program"):
        Store(path)
    assert path.read_bytes() == before


def test_a_file_of_a_newer_aion_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "aion.db"
    with Store(path) as store, store.write() as db:
        db.execute("INSERT INTO migrations VALUES (99, 'later', '')")
    with pytest.raises(StoreError, match=r"has schema 99 .* upgrade AION"):
        Store(path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened for writing; check that its folder exists"):
        Store(tmp_path / "no" / "aion.db")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened for writing"):
        Store(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="you may write there"):
        Store(tmp_path / "aion.db")
    tmp_path.chmod(0o700)


def test_a_lock_held_elsewhere_is_named(store: Store) -> None:
    other = apsw.Connection(str(store.path))
    other.execute("BEGIN IMMEDIATE")
    store._writer.set_busy_timeout(1)
    with pytest.raises(StoreError, match="was locked by another process"), store.write():
        pass
    other.close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "aion.db")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="was closed"), store.read():
        pass
    with pytest.raises(StoreError, match="was closed"), store.write():
        pass


def test_no_reader_opens_behind_the_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "aion.db")
    begun, may_go = threading.Event(), threading.Event()

    def slowly(path: Path) -> apsw.Connection:
        begun.set()
        may_go.wait(30)
        return open_file(path)

    def read() -> None:
        with suppress(StoreError), store.read() as db:
            db.execute("SELECT 1").fetchall()

    monkeypatch.setattr(connection, "open_file", slowly)
    reading, closing = threading.Thread(target=read), threading.Thread(target=store.close)
    reading.start()
    assert begun.wait(30)
    closing.start()
    closing.join(0.2)
    is_waiting = closing.is_alive()
    may_go.set()
    reading.join()
    closing.join()
    assert is_waiting
    assert [path.name for path in tmp_path.iterdir()] == ["aion.db"]


def _with_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
