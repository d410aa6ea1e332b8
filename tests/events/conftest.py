from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aion.events.log import EventLog
from aion.store.connection import Store
from aion.store.events import Events
from tests.events.logged import Log


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "aion.db") as opened:
        yield opened


@pytest.fixture
def log(store: Store) -> Log:
    return Log(store)


@pytest.fixture
def events(store: Store) -> Events:
    return Events(store)


@pytest.fixture
def event_log(events: Events) -> Iterator[EventLog]:
    with closing(EventLog(events)) as opened:
        yield opened
