"""Faults of the disk while events are written: the answer goes out, nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from aion.events import writer
from aion.events.late import LateFile
from aion.events.log import EventLog, late_file
from aion.events.record import FallbackRecord
from aion.store.connection import Store
from aion.store.event_rows import Entry
from aion.store.events import Events
from aion.types import Event
from tests.events.answers import ANSWER, FOUND, PASSAGE, TENANT, answer
from tests.server.live import wait_until
from tests.small_disk import small_disk


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon, and wait for nobody long."""
    monkeypatch.setattr(writer, "RETRY_S", (0.02, 0.1))
    monkeypatch.setattr(writer, "WAIT_MS", 50)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program writes to the database."""
    with closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def prompts(events: Events) -> list[object]:
    """What the answers on record were asked, oldest first."""
    return [event.meta["prompt"] for event in events.all(TENANT) if event.kind == "answer"]


def test_a_locked_database_gets_its_events_in_order_later(events: Events, event_log: EventLog) -> None:
    answer(event_log, "before")
    with locked(events.store.path):
        kept = [answer(event_log, f"q{n}") for n in range(5)]
        assert {recorded.event_id for recorded in kept} == {0}
        assert "was locked by another process for 0.05 s" in kept[0].warning
        assert "kept in" in kept[0].warning
        assert event_log.notice.startswith("Events wait to be written: ")
        assert prompts(events) == ["before"]
    wait_until(lambda: not event_log.notice, "the events to be written")
    assert answer(event_log, "after").event_id > 0
    assert prompts(events) == ["before", "q0", "q1", "q2", "q3", "q4", "after"]
    with events.store.read() as db:
        assert db.execute("SELECT count(*) FROM late_entries").get == 0


def test_a_full_disk_keeps_events_in_the_room_reserved_for_them(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8 << 20) as disk, Store(disk / "aion.db") as store:
        events = Events(store)
        with closing(EventLog(events)) as log:
            log.reserve()
            answer(log, "before")
            (disk / "other").write_bytes(bytes(shutil.disk_usage(disk).free))
            kept = [answer(log, f"q{n}", reply="x" * 20_000) for n in range(10)]
            late = [recorded for recorded in kept if recorded.event_id == 0]
            assert late
            assert all("the disk is full" in recorded.warning for recorded in late)
            assert all("kept in" in recorded.warning for recorded in late)
            assert "in memory" not in log.notice
            (disk / "other").unlink()
            wait_until(lambda: not log.notice, "the events to be written")
            assert prompts(events) == ["before", *(f"q{n}" for n in range(10))]
        assert not (disk / "aion.db-late").exists()


def test_without_any_room_events_are_kept_in_memory(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 3 << 20) as disk, Store(disk / "aion.db") as store:
        events = Events(store)
        with closing(EventLog(events)) as log:
            answer(log, "before")
            (disk / "other").write_bytes(bytes(shutil.disk_usage(disk).free))
            kept = [answer(log, f"q{n}", reply="x" * 50_000) for n in range(30)]
            assert "kept in memory" in kept[-1].warning
            assert "would be lost if AION were stopped now" in log.notice
            (disk / "other").unlink()
            wait_until(lambda: not log.notice, "the events to be written")
            assert prompts(events) == ["before", *(f"q{n}" for n in range(30))]


def test_memory_is_bounded_and_what_is_lost_is_told(
    events: Events, event_log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_KEPT_BYTES", 30_000)
    late_file(events.store.path).path.mkdir()  # nothing can be kept there
    with locked(events.store.path):
        kept = [answer(event_log, f"q{n}", reply="x" * 10_000) for n in range(5)]
        assert "no room to keep it" in kept[-1].warning
        assert "3 could not be kept and are lost" in event_log.notice
    wait_until(lambda: prompts(events) == ["q0", "q1"], "the events to be written")


def test_what_waits_at_the_end_is_written_at_the_next_start(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        with locked(store.path):
            log = EventLog(Events(store))
            for n in range(3):
                answer(log, f"q{n}", conversation="c")
            log.close()
        assert prompts(Events(store)) == []
    with Store(tmp_path / "aion.db") as store, closing(EventLog(Events(store))) as log:
        wait_until(lambda: not log.notice, "the events to be written")
        assert prompts(Events(store)) == ["q0", "q1", "q2"]
        assert len(log.history(TENANT, "c")) == 6
        at = [event.at for event in Events(store).all(TENANT)]
        assert at == sorted(at)


def test_a_kill_between_writing_and_clearing_doubles_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        with locked(store.path):
            log = EventLog(Events(store))
            for n in range(3):
                answer(log, f"q{n}")
            log.close()
        kept = late_file(store.path).path
        before = kept.read_bytes()
        Events(store).write([*_entries(kept)][:2])  # and then the process was killed
        assert kept.read_bytes() == before
    with Store(tmp_path / "aion.db") as store, closing(EventLog(Events(store))) as log:
        wait_until(lambda: not log.notice, "the events to be written")
        assert prompts(Events(store)) == ["q0", "q1", "q2"]


_IS_KILLED = """
import sys
from pathlib import Path
from aion.events import writer
from aion.events.log import EventLog
from aion.store.connection import Store
from aion.store.events import Events
from tests.events.answers import answer

writer.WAIT_MS = 50
log = EventLog(Events(Store(Path(sys.argv[1]))))
sys.stdin.readline()
for n in range(1000):
    assert answer(log, f"q{n}").event_id == 0
    print(n, flush=True)
"""


def test_what_was_kept_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "aion.db"
    child = subprocess.Popen(
        [sys.executable, "-c", _IS_KILLED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child, Store(path) as store:
        assert child.stdin is not None
        assert child.stdout is not None
        with locked(path):
            child.stdin.write(b"\n")
            child.stdin.flush()
            n_told = [child.stdout.readline() for _ in range(20)][-1]
            child.kill()
            rest = child.stdout.read().splitlines()
            child.wait()
        told = int([n_told, *rest][-1]) + 1
        with closing(EventLog(Events(store))) as log:
            wait_until(lambda: not log.notice, "the events to be written")
        kept = prompts(Events(store))
    assert kept[:told] == [f"q{n}" for n in range(told)]
    assert len(kept) - told in (0, 1)


def test_a_database_that_may_not_be_written_keeps_its_events(events: Events, event_log: EventLog) -> None:
    with events.store.write() as db:
        pass
    db.execute("PRAGMA query_only = ON")
    assert "may write there" in answer(event_log, "q").warning
    db.execute("PRAGMA query_only = OFF")
    wait_until(lambda: not event_log.notice, "the events to be written")
    assert prompts(events) == ["q"]


def test_an_event_that_cannot_be_stored_takes_no_other_along(events: Events, event_log: EventLog) -> None:
    bad = Event("bad", 1, {"x": "y"})
    object.__setattr__(bad, "kind", None)
    with locked(events.store.path):
        answer(event_log, "first")
        event_log.post(TENANT, bad)
        answer(event_log, "second")
    wait_until(lambda: not event_log.notice, "the events to be written")
    event_log.post(TENANT, bad)
    assert answer(event_log, "third").warning == ""
    assert prompts(events) == ["first", "second", "third"]


def test_whatever_is_in_it_is_kept(events: Events, event_log: EventLog) -> None:
    endless: list[object] = []
    endless.append(endless)
    paid = FallbackRecord("x \ud800", payload={"nan": float("nan"), "endless": endless, "path": Path("x")})
    found = replace(FOUND, passages=(replace(PASSAGE, cosine=float("nan"), text="\ud800\0"),))
    with locked(events.store.path):
        record = replace(ANSWER, confidence=float("inf"), fallback=paid)
        told = asyncio.run(event_log.answered(TENANT, found, record))
        assert "kept in" in told.warning
    wait_until(lambda: not event_log.notice, "the events to be written")
    answer_, retrieval, fallback = events.list(TENANT)
    assert answer_.meta["C"] is None
    payload = fallback.meta["payload"]
    assert isinstance(payload, dict)
    assert (payload["nan"], payload["path"]) == (None, "x")
    (passage,) = events.retrieved(TENANT, retrieval.id)
    assert (passage.cosine, passage.text, passage.stems) == (0.0, "?\0", PASSAGE.stems)


def test_what_another_process_left_is_taken_along(events: Events, event_log: EventLog) -> None:
    answer(event_log, "before")
    with locked(events.store.path), closing(EventLog(events)) as other:
        answer(other, "left")
    assert prompts(events) == ["before"]
    assert answer(event_log, "after").warning == ""
    assert prompts(events) == ["before", "left", "after"]


def _entries(path: Path) -> Iterator[Entry]:
    with LateFile(path).held() as held:
        yield from held.entries
