from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from aion.server.events import retention
from aion.server.events.retention import Retention
from aion.store.connection import Store
from aion.store.event_rows import Entry, Line
from aion.store.events import Events
from aion.types import Event
from tests.server.live import wait_until


def put(store: Store, at: str) -> None:
    Events(store).write([Entry("t", (Line(Event("answer", 1)),), at=at)])


def kinds(store: Store) -> list[str]:
    return [event.kind for event in Events(store).all("t")]


def test_what_is_too_old_goes_at_the_start_and_again_every_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_DAY_S", 0.01)
    with Store(tmp_path / "aion.db") as store:
        put(store, "2020-01-01T00:00:00.000Z")
        put(store, "2999-01-01T00:00:00.000Z")
        with closing(Retention(store, 30)) as kept:
            kept.start()
            wait_until(lambda: kinds(store) == ["answer", "retention"], "the old event to go")
            put(store, "2020-01-01T00:00:00.000Z")
            wait_until(lambda: kinds(store) == ["answer", "retention", "retention"], "the next one to go")


def test_zero_days_keep_all(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        put(store, "2020-01-01T00:00:00.000Z")
        with closing(Retention(store, 0)) as kept:
            kept.start()
        assert kinds(store) == ["answer"]
