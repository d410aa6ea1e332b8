from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aion.errors import InvalidRequest, StoreError
from aion.events.late import LateFile
from aion.events.log import late_file
from aion.server.upkeep.backup import back_up, put_back
from aion.store.connection import Store
from aion.store.event_rows import Entry, Line
from aion.types import Event
from tests.store.copying import add_events, filled, names, old_store, quiet, values


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return filled(tmp_path / "aion.db", 3)


def waiting(db: Path) -> LateFile:
    """An event of the value 7 waits beside the store."""
    late = late_file(db)
    late.append(Entry("t", (Line(Event("late", 7)),), at="2026-11-23T00:00:00.000Z", key="one"))
    return late


def test_what_waits_beside_the_store_is_in_the_backup_and_goes_on_waiting(db: Path, tmp_path: Path) -> None:
    late = waiting(db)
    made = back_up(db, tmp_path / "b.db", quiet)
    assert (made.n_late, values(made.path)) == (1, [0, 1, 2, 7])
    assert not late.is_empty


def test_what_waits_goes_with_the_content_that_goes(db: Path, tmp_path: Path) -> None:
    made = back_up(db, tmp_path / "b.db", quiet)
    late = waiting(db)
    done = put_back(db, made.path, quiet)
    assert late.is_empty
    assert done.kept is not None
    assert (values(db), values(done.kept)) == ([0, 1, 2], [0, 1, 2, 7])


def test_what_waits_stays_where_the_store_is_lost(db: Path, tmp_path: Path) -> None:
    made = back_up(db, tmp_path / "b.db", quiet)
    late = waiting(db)
    db.unlink()
    assert put_back(db, made.path, quiet).kept is None
    assert not late.is_empty


def test_what_waits_goes_on_waiting_where_nothing_kept_it(tmp_path: Path) -> None:
    made = back_up(filled(tmp_path / "other.db", 3), tmp_path / "b.db", quiet)
    old = old_store(tmp_path / "aion.db", 4)  # its copy is of a schema that has no place for them
    late = waiting(old)
    assert put_back(old, made.path, quiet).kept is not None
    assert not late.is_empty


def test_restores_close_together_keep_what_was_there_before_each(db: Path, tmp_path: Path) -> None:
    first = back_up(filled(tmp_path / "first.db", 1), tmp_path / "b1.db", quiet).path
    second = back_up(filled(tmp_path / "second.db", 2), tmp_path / "b2.db", quiet).path
    kept = [put_back(db, backup, quiet).kept for backup in (first, second, first)]
    assert [values(path) for path in kept if path is not None] == [[0, 1, 2], [0], [0, 1]]


def test_restores_at_once_keep_everything(db: Path, tmp_path: Path) -> None:
    backups = [
        back_up(filled(tmp_path / f"{n}.db", n), tmp_path / f"b{n}.db", quiet).path for n in range(4, 9)
    ]
    with ThreadPoolExecutor(5) as restorers:
        kept = [done.kept for done in restorers.map(lambda backup: put_back(db, backup, quiet), backups)]
    held = [len(values(path)) for path in [db, *kept] if path is not None]
    assert sorted(held) == [3, 4, 5, 6, 7, 8]


def test_a_folder_gets_a_dated_name(db: Path, tmp_path: Path) -> None:
    assert re.fullmatch(r"aion-\d{8}T\d{6}Z\.db", back_up(db, tmp_path, quiet).path.name)


def test_a_file_is_replaced_only_when_that_is_said(db: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.db"
    out.write_text("mine")
    with pytest.raises(InvalidRequest, match=r"is there already; .* --force"):
        back_up(db, out, quiet)
    assert out.read_text() == "mine"
    assert back_up(db, out, quiet, replaces=True).facts.n_events == 3


def test_the_store_is_no_place_for_its_backup(db: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(db)
    for out in (db, tmp_path / "link.db"):
        with pytest.raises(InvalidRequest, match="is the store itself"):
            back_up(db, out, quiet, replaces=True)
        with pytest.raises(InvalidRequest, match="is the store itself"):
            put_back(db, out, quiet)
    for suffix in ("-wal", "-shm", "-late"):
        with pytest.raises(InvalidRequest, match="is the store itself"):
            back_up(db, tmp_path / f"aion.db{suffix}", quiet, replaces=True)
    with pytest.raises(InvalidRequest, match="There is no folder"):
        back_up(db, tmp_path / "no" / "b.db", quiet)
    assert names(tmp_path) == ["aion.db", "link.db"]


def test_what_is_no_file_is_not_replaced_by_one(db: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequest, match="pipe is no file"):
        back_up(db, tmp_path / "pipe", quiet, replaces=True)
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_that_somebody_has_open_is_not_replaced(db: Path, tmp_path: Path) -> None:
    other = filled(tmp_path / "other.db", 1)
    with Store(other) as store:
        add_events(store, 4)
        with pytest.raises(InvalidRequest, match=r"other\.db-wal is there: a program has .* name another"):
            back_up(db, other, quiet, replaces=True)
    assert len(values(other)) == 5


def test_a_link_is_followed(db: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "newest.db").symlink_to(tmp_path / "disk" / "b.db")
    for _ in range(2):
        back_up(db, tmp_path / "newest.db", quiet, replaces=True)
    assert (tmp_path / "newest.db").is_symlink()
    assert values(tmp_path / "disk" / "b.db") == [0, 1, 2]


def test_files_that_are_no_stores_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match=r"empty\.db is empty; name a store"):
        back_up(tmp_path / "empty.db", tmp_path / "b.db", quiet)
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE theirs (a)")
    with pytest.raises(StoreError, match=r"other\.db is an SQLite file of another program"):
        back_up(tmp_path / "other.db", tmp_path / "b.db", quiet)
