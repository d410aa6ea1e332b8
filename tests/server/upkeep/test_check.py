from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import pytest

from aion.errors import StoreError
from aion.events.log import late_file
from aion.server.upkeep.check import ALL_PARTS, Report, check_all
from aion.settings import Settings
from aion.store.connection import Store
from aion.store.copies.page_copy import snapshot
from aion.store.event_rows import Entry, Line
from aion.store.events import Events
from aion.store.migrations import MIGRATIONS
from aion.types import Event, Retrieval
from tests.server.live import settings_in
from tests.store.copying import old_store, schema_of
from tests.store.rows import put


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a store with a document, a question and an answer to it."""
    found = settings_in(tmp_path)
    with Store(found.db) as store:
        put(store, "t", "a.md", ["um texto", "outro"])
        Events(store).append_all("t", [Retrieval("um?", ()), Event("answer", 1)])
    return found


def page_of(settings: Settings, table: str) -> int:
    with snapshot(settings.db) as db:
        return int(db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).get)


def checked(settings: Settings) -> Report:
    looked: list[str] = []
    report = check_all(settings, looked.append)
    assert set(looked) <= set(ALL_PARTS)
    return report


def test_a_whole_store_has_nothing_wrong_and_is_not_changed(settings: Settings) -> None:
    before = settings.db.read_bytes()
    report = checked(settings)
    assert (report.facts.n_documents, report.facts.n_events) == (1, 3)
    assert settings.db.read_bytes() == before


EVENT = "INSERT INTO events (tenant, at, kind, value, meta, subject) VALUES "
PASSAGE = (
    "INSERT INTO retrievals (event_id, tenant, rank, chunk_id, document_id, source, title, text, line, "
    "score, cosine, bm25) VALUES (3, 't', 1, 1, 1, '', '', '', 1, 1, 1, 1)"
)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'events'", "2 rows of events have ids"),
        (EVENT + "('t', '', 'feedback', 1, '{}', 99)", "1 events about an event that is gone"),
        (EVENT + "('u', '', 'feedback', 1, '{}', 1)", "1 events about an event of another tenant"),
        (EVENT + "('t', '', 'retrieval', 3, '{}', NULL)", "1 retrievals that lack some of their passages"),
        (PASSAGE, "1 passages without the retrieval that found them"),
        ("DELETE FROM documents", "2 rows of chunks belong to rows of documents that are gone"),
        ("UPDATE chunks SET tenant = 'u' WHERE id = 2", "1 chunks of another tenant than their document"),
        ("DELETE FROM lexical_1_data WHERE id > 10", "FTS5 finds its index damaged"),
        ("UPDATE chunks SET text = CAST(x'c328' AS TEXT) WHERE id = 2", "a text is damaged ('utf-8' codec"),
        ("DROP TABLE lexical_1", "the index cannot be read (no such table: lexical_1)"),
        ("DELETE FROM vectors_1_vector_chunks00", "those of e cannot be read"),
    ],
)
def test_what_does_not_hold_together_is_named_with_its_remedy(
    settings: Settings, sql: str, said: str
) -> None:
    db = apsw.Connection(str(settings.db))
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute(sql)
    db.close()
    report = checked(settings)
    assert any(said in problem.text and problem.remedy for problem in report.problems), report.problems
    assert not report.is_whole
    assert not any(problem.subject == "file" for problem in report.problems)


@pytest.mark.parametrize(
    ("sql", "remedy"),
    [
        ("DELETE FROM vectors_1_vector_chunks00", "aion index rebuild --vectors"),
        ("UPDATE chunks SET tenant = 'u' WHERE id = 2", "aion documents delete 1, then ingest them again"),
    ],
)
def test_the_remedy_is_of_the_part_that_is_damaged(settings: Settings, sql: str, remedy: str) -> None:
    db = apsw.Connection(str(settings.db))
    db.execute(sql)
    db.close()
    problems = checked(settings).problems
    assert any(remedy in problem.remedy for problem in problems), problems


def test_a_damaged_file_is_told_and_nothing_else_is_believed(settings: Settings) -> None:
    with settings.db.open("r+b") as file:
        file.seek(page_of(settings, "events") * 16384 - 16384 + 200)
        file.write(b"\xff" * 16_000)
    report = checked(settings)
    assert {problem.subject for problem in report.problems} == {"file"}
    assert all("aion restore" in problem.remedy for problem in report.problems)


def test_an_older_store_is_looked_at_and_not_upgraded(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    old_store(settings.db, 4)
    report = checked(settings)
    assert report.is_whole
    assert f"schema 4 and this AION uses {len(MIGRATIONS)}" in report.problems[0].text
    assert schema_of(settings.db) == 4


def test_what_lies_beside_the_store_is_a_note(settings: Settings) -> None:
    late_file(settings.db).append(Entry("t", (Line(Event("late", 7)),), at="2026", key="one"))
    shutil.copy(settings.db, settings.db.with_name("aion.db.before-restore-20261123T000000Z"))
    notes = [problem.text for problem in checked(settings).problems if problem.is_note]
    assert any("1 groups of events wait in" in note for note in notes)
    assert any("aion.db.before-restore-20261123T000000Z" in note for note in notes)


def test_no_store_and_other_stores_are_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with pytest.raises(StoreError, match="does not exist; name the store"):
        checked(settings)
    with Store(settings.db) as store, store.write() as db:
        db.execute("INSERT INTO migrations VALUES (99, 'later', '')")
    with pytest.raises(StoreError, match=r"has schema 99 .* upgrade AION"):
        checked(settings)
