from __future__ import annotations

import contextlib
import os
import stat
import threading
from pathlib import Path

import apsw
import pytest

from aion.errors import StoreError
from aion.store.connection import Store
from aion.store.copies.backup import write_backup
from aion.store.copies.page_copy import snapshot
from aion.store.event_rows import Entry, Line
from aion.store.events import Events
from aion.store.migrations import MIGRATIONS
from aion.types import Event
from tests.small_disk import files_up_to
from tests.store.copying import add_events, back_up, filled, names, old_store, schema_of, values
from tests.store.rows import put


def test_a_backup_is_one_file_for_its_owner_that_says_who_made_it(tmp_path: Path) -> None:
    found, _ = back_up(filled(tmp_path / "aion.db"), tmp_path / "b.db")
    assert (found.n_events, found.schema) == (20, len(MIGRATIONS))
    assert found.made is not None
    assert (found.made.kind, found.restored) == ("backup", None)
    assert stat.S_IMODE((tmp_path / "b.db").stat().st_mode) == 0o600
    with Store(tmp_path / "b.db") as copy:
        assert [event.value for event in Events(copy).all("t")] == list(range(20))
    assert names(tmp_path) == ["aion.db", "b.db"]


def test_what_is_written_meanwhile_is_in_it_whole_or_not_at_all(tmp_path: Path) -> None:
    path = filled(tmp_path / "aion.db", 300)
    is_done = threading.Event()

    def write(store: Store) -> None:
        while not is_done.is_set():
            Events(store).append_all("t", [Event("one", 1), Event("other", 1)])

    with contextlib.ExitStack() as stack:
        stores = [stack.enter_context(Store(path)) for _ in range(2)]
        threads = [threading.Thread(target=write, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        counts = []
        for n in range(5):
            back_up(path, tmp_path / f"{n}.db")
            counts.append(_counts(tmp_path / f"{n}.db"))
        is_done.set()
        for thread in threads:
            thread.join()
    assert all(one == other and last == 300 + 2 * one for one, other, last in counts)
    assert counts == sorted(counts)
    assert counts[-1][0] > counts[0][0]


def _counts(path: Path) -> tuple[int, int, int]:
    with snapshot(path) as db:
        row = db.execute(
            "SELECT count(*) FILTER (WHERE kind = 'one'), count(*) FILTER (WHERE kind = 'other'), max(id) "
            "FROM events"
        ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def test_nobody_waits_for_a_backup_to_write(tmp_path: Path) -> None:
    path = filled(tmp_path / "aion.db", 100)
    with Store(path) as store, snapshot(path) as source:

        def progress(_what: str, _done: int, _total: int) -> None:
            add_events(store, 1, "meanwhile")

        found, _ = write_backup(source, path, tmp_path / "b.db", (), progress)
        assert found.n_events == 100
        assert len(Events(store).list("t", "meanwhile")) >= 2


def test_events_that_wait_for_the_disk_are_in_it_once(tmp_path: Path) -> None:
    late = Entry("t", (Line(Event("late", 7)),), key="one")
    path = filled(tmp_path / "aion.db", 1)
    assert back_up(path, tmp_path / "b.db", [late, late])[1] == 2
    assert values(tmp_path / "b.db") == [0, 7]
    assert back_up(tmp_path / "b.db", tmp_path / "c.db", [late])[0].n_events == 2


def test_a_full_disk_leaves_nothing_and_what_was_there(tmp_path: Path) -> None:
    path, out = filled(tmp_path / "aion.db", 200), tmp_path / "b.db"
    out.write_text("an earlier one")
    with files_up_to(300_000), pytest.raises(StoreError, match=r"b\.db could not be written .*free space"):
        back_up(path, out)
    assert out.read_text() == "an earlier one"
    assert names(tmp_path) == ["aion.db", "b.db"]


def test_too_little_room_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path / "aion.db")
    usage = os.statvfs_result((4096, 4096, 10, 1, 1, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _path: usage)
    with pytest.raises(StoreError, match=r"b\.db takes .* MB free; free space or name another place"):
        back_up(path, tmp_path / "b.db")
    assert names(tmp_path) == ["aion.db"]


def test_an_interrupted_backup_leaves_nothing(tmp_path: Path) -> None:
    path = filled(tmp_path / "aion.db")

    def interrupted(_what: str, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), snapshot(path) as source:
        write_backup(source, path, tmp_path / "b.db", (), interrupted)
    assert names(tmp_path) == ["aion.db"]


def test_no_backup_is_made_of_a_damaged_file(tmp_path: Path) -> None:
    path = filled(tmp_path / "aion.db", 100)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 40_000)
    with pytest.raises(StoreError, match=r"aion\.db is damaged .* no copy was made .*aion restore"):
        back_up(path, tmp_path / "b.db")
    assert names(tmp_path) == ["aion.db"]


def test_a_damaged_full_text_index_is_no_reason_to_go_without_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "aion.db"
    with Store(path) as store:
        put(store, "t", "a.md", ["um dois", "três"])
        with store.write() as db:
            db.execute("DELETE FROM lexical_1_data WHERE id > 10")
    assert back_up(path, tmp_path / "b.db")[0].n_documents == 1


def test_a_store_behind_a_link_is_copied_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "aion.db").symlink_to(tmp_path / "aion.db")
    with Store(tmp_path / "aion.db") as store:
        add_events(store, 3)
        monkeypatch.setattr(os, "access", lambda *_: False)  # nothing can be written beside the link
        assert values(tmp_path / "links" / "aion.db") == [0, 1, 2]


def test_a_file_of_an_older_schema_is_copied_as_it_is(tmp_path: Path) -> None:
    path = old_store(tmp_path / "aion.db", 3)
    late = Entry("t", (Line(Event("late", 7)),), key="one")
    found, n_late = back_up(path, tmp_path / "b.db", [late])
    assert (found.schema, found.n_documents, n_late, found.made) == (3, 1, 0, None)
    assert (schema_of(path), schema_of(tmp_path / "b.db")) == (3, 3)


def test_a_backup_can_be_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    back_up(filled(tmp_path / "aion.db"), folder / "b.db")
    (folder / "b.db").chmod(0o400)
    folder.chmod(0o500)
    try:
        assert len(values(folder / "b.db")) == 20
        assert names(folder) == ["b.db"]
    finally:
        folder.chmod(0o700)


def test_a_snapshot_of_no_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"There is no file .*nope\.db"), snapshot(tmp_path / "nope.db"):
        pass
    assert names(tmp_path) == []
    (tmp_path / "text.db").write_text("no database " * 100)
    with pytest.raises(apsw.NotADBError), snapshot(tmp_path / "text.db"):
        pass
