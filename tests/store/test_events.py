from __future__ import annotations

import json

import pytest

from aion.errors import StoreError
from aion.store.connection import Store
from aion.store.events import Events
from aion.types import Event, Passage, Retrieval

PASSAGE = Passage(1, 7, 3, "sintra/pena.md", "Pena", "Pena\nAbre às 9h30.", 4, 0.75, 0.5, 2.25)


def test_an_event_comes_back_as_it_was(store: Store) -> None:
    meta: dict[str, object] = {"prompt": "São João?", "rank": 1, "source": None}
    event_id = Events(store).append("t", Event("answer", 1, meta))
    (row,) = Events(store).list("t")
    assert (row.id, row.kind, row.value, row.meta) == (event_id, "answer", 1.0, meta)
    assert row.at.endswith("Z")


def test_a_retrieval_keeps_its_passages(store: Store) -> None:
    second = Passage(2, 8, 3, "sintra/pena.md", "Pena", "Pena\nFecha às 18h.", 6, 0.5, 0.25, 0.0)
    event_id = Events(store).append_retrieval("t", Retrieval("quando abre?", (PASSAGE, second), 12.5))
    (row,) = Events(store).list("t", kind="retrieval")
    assert (row.value, row.meta) == (2.0, {"query": "quando abre?", "ms": 12.5})
    assert Events(store).retrieved("t", event_id) == (PASSAGE, second)


def test_several_are_written_together_or_not_at_all(store: Store) -> None:
    events = Events(store)
    ids = events.append_all("t", [Retrieval("q", (PASSAGE,)), Event("answer", 1)])
    assert [row.id for row in events.list("t")] == [*reversed(ids)]
    with pytest.raises(StoreError):
        events.append_all("t", [Event("answer", 1), Retrieval("q", (PASSAGE, PASSAGE))])
    assert len(events.list("t")) == 2


def test_the_newest_come_first_up_to_the_limit(store: Store) -> None:
    events = Events(store)
    events.append_all("t", [Event("answer", n) for n in range(5)])
    events.append("t", Event("fallback", 0))
    assert [row.value for row in events.list("t", kind="answer", limit=2)] == [4, 3]


@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant = 'x'", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["events", "retrievals"])
def test_what_was_written_stays(store: Store, table: str, statement: str) -> None:
    Events(store).append_retrieval("t", Retrieval("q", (PASSAGE,)))
    with pytest.raises(StoreError, match="append-only"), store.write() as db:
        db.execute(statement.format(table))


def test_tenants_never_see_each_other(store: Store) -> None:
    event_id = Events(store).append_retrieval("ana", Retrieval("q", (PASSAGE,)))
    assert Events(store).list("rui") == ()
    assert Events(store).retrieved("rui", event_id) == ()


def test_a_lone_surrogate_is_written_as_a_question_mark(store: Store) -> None:
    Events(store).append("t", Event("answer", 1, {"prompt": json.loads('"oi \\ud800"')}))
    (row,) = Events(store).list("t")
    assert row.meta == {"prompt": "oi ?"}
