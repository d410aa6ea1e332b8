"""The dataset on a button and by itself, from a real server's log."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from aion.errors import InvalidRequest, StoreError
from aion.server.events.daily_export import DailyExport
from aion.server.events.export_file import Wanted, export_dataset
from aion.store.connection import Store
from aion.store.exports import Exports
from tests.events.logged import Log
from tests.server.live import Live, settings_in, wait_until

CPF = "529.982.247-25"


def test_the_button_exports_what_is_new(sintra: Live) -> None:
    asked = {"message": f"Meu CPF é {CPF}. Quanto custa o tour full-day?", "tau": 0}
    answer = sintra.post("/api/ai/chat", asked).json()
    assert answer["reason"] == "confident"
    exported = sintra.http.post("/api/dataset/export").json()
    path = Path(exported["path"])
    assert (exported["ok"], path) == (True, sintra.services.settings.events_jsonl)
    assert exported["n_new"] + sum(exported["left_out"].values()) >= 1
    assert CPF not in path.read_text("utf-8")
    again = sintra.post("/api/dataset/export", {"form": "chat"}).json()
    assert (again["n_new"], again["n_rows"]) == (0, exported["n_rows"])
    raw = sintra.post("/api/dataset/export", {"form": "raw"}).json()
    assert Path(raw["path"]).name == "events.raw.jsonl"
    lines = [json.loads(line) for line in Path(raw["path"]).read_bytes().split(b"\n") if line]
    assert {"answer", "retrieval"} <= {line["kind"] for line in lines}
    assert CPF not in str(lines)
    assert raw["masked"]


def test_a_form_that_is_none_is_named(desk: Live) -> None:
    response = desk.post("/api/dataset/export", {"form": "parquet"})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "form")


def test_a_day_is_exported_once(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with Store(settings.db) as store:
        daily = DailyExport(settings, store)
        assert daily.export_if_due() is None  # nothing has happened
        log = Log(store, settings.tenant)
        log.event("document.added", {"source": "a.md"})
        assert daily.export_if_due() is None
        assert not settings.events_jsonl.exists()
        log.answer()
        exported = daily.export_if_due()
        assert exported is not None
        assert exported.n_rows == 1
        log.answer()
        assert daily.export_if_due() is None  # today's is done
        with store.write() as db:
            db.execute("UPDATE exports SET at = '2026-01-01T00:00:00.000Z'")
        exported = daily.export_if_due()
        assert exported is not None
        assert (exported.n_new, exported.n_rows) == (1, 2)


def test_an_export_that_was_only_begun_is_due(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.events_jsonl.mkdir()  # so that it cannot be written
    with Store(settings.db) as store:
        Log(store, settings.tenant).answer()
        daily = DailyExport(settings, store)
        with pytest.raises(StoreError, match="cannot be written"):
            daily.export_if_due()
        settings.events_jsonl.rmdir()
        exported = daily.export_if_due()
        assert exported is not None
        assert exported.n_rows == 1


def test_it_is_made_up_at_the_start_and_ends_with_the_service(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with Store(settings.db) as store:
        log = Log(store, settings.tenant)
        for _ in range(3):
            log.answer()
        daily = DailyExport(settings, store)
        daily.start()
        try:
            wait_until(lambda: Exports(store).find(str(settings.events_jsonl.absolute())) is not None and
                       settings.events_jsonl.exists(), "the first export")  # fmt: skip
        finally:
            daily.close()
        assert len(settings.events_jsonl.read_text("utf-8").splitlines()) == 3


def test_what_fails_is_told_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_in(tmp_path)
    settings.events_jsonl.write_text('{"of": "somebody else"}\n', "utf-8")
    with Store(settings.db) as store:
        Log(store, settings.tenant).answer()
        daily = DailyExport(settings, store, look_again_s=0.05)
        daily.start()
        try:
            wait_until(lambda: bool(daily.problem), "the failure to be told")
            settings.events_jsonl.unlink()
            wait_until(settings.events_jsonl.exists, "the export")
            wait_until(lambda: not daily.problem, "the problem to be over")
        finally:
            daily.close()
    assert caplog.text.count("was not written from this database") == 1


def test_exports_at_once_wait_for_each_other(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with Store(settings.db) as store:
        log = Log(store, settings.tenant)
        answers = [log.answer() for _ in range(5)]
        threads = [
            threading.Thread(
                target=export_dataset, args=(settings, store, Wanted(), lambda: time.sleep(0.01))
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    rows = [json.loads(line) for line in settings.events_jsonl.read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == answers
    assert [path.name for path in tmp_path.glob(".events*")] == []


def test_the_raw_form_does_not_go_into_the_dataset(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with Store(settings.db) as store:
        Log(store, settings.tenant).answer()
        export_dataset(settings, store, Wanted())
        with pytest.raises(InvalidRequest, match="in form 'chat'"):
            export_dataset(settings, store, Wanted("raw", settings.events_jsonl))
