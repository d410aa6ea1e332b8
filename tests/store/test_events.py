from __future__ import annotations

import json
from dataclasses import replace

import pytest

from aion.errors import NotFound, StoreError
from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.event_rows import Entry, Line, line_of
from aion.store.events import Events, NotStorable
from aion.types import Event, Passage, Retrieval
from tests.store.rows import put

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


def test_a_kind_with_a_dot_at_its_end_is_all_that_begin_so(store: Store) -> None:
    events = Events(store)
    for kind in ("document.added", "document.removed", "documents", "adapter.loaded"):
        events.append("t", Event(kind, 1))
    assert [row.kind for row in events.list("t", "document.")] == ["document.removed", "document.added"]
    assert events.list("t", since="2999-01-01") == ()
    assert len(events.list("t", since="2020-01-01")) == 4


def test_why_a_passage_was_chosen_is_kept(store: Store) -> None:
    chosen = replace(
        PASSAGE, page=3, rerank=0.5, lexical_rank=2, dense_rank=7, wording=0.25, stems=("a", "b")
    )
    found = Retrieval("q", (chosen,), 1.0, "o", ("a",), (("embed", 0.5), ("dense", 0.25)), 2)
    event_id = Events(store).append_retrieval("t", found)
    assert Events(store).retrieved("t", event_id) == (chosen,)
    row = Events(store).find("t", event_id)
    assert row is not None
    assert row.meta == {
        "query": "q", "ms": 1.0, "original": "o", "stems": ["a"], "similar": 2,
        "stages": {"embed": 0.5, "dense": 0.25},
    }  # fmt: skip


def test_numbers_that_are_none_are_written_all_the_same(store: Store) -> None:
    nan = float("nan")
    found = Retrieval("q", (replace(PASSAGE, cosine=nan, score=float("inf"), rerank=nan),))
    event_id = Events(store).append_retrieval("t", found)
    (passage,) = Events(store).retrieved("t", event_id)
    assert (passage.cosine, passage.score, passage.rerank) == (0.0, 0.0, 0.0)


def test_one_that_cannot_be_stored_takes_no_other_along(store: Store) -> None:
    twice = Entry("t", (line_of(Retrieval("q", (PASSAGE, PASSAGE))),))
    good = Entry("t", (Line(Event("answer", 1)),))
    unknown = Entry("t", (Line(Event("feedback", 1), subject=99),))
    first, bad, lost, last = Events(store).write([good, twice, unknown, good])
    assert (first, last) == ((1,), (2,))
    assert isinstance(bad, NotStorable)
    assert isinstance(lost, NotFound)
    assert [row.kind for row in Events(store).all("t")] == ["answer", "answer"]


def test_what_becomes_of_documents_is_on_record(store: Store) -> None:
    document_id = put(store, "t", "a.md", ["um", "dois"])
    put(store, "t", "a.md", ["um", "dois", "três"])
    put(store, "t", "a.md", ["um", "dois", "três"])
    Documents(store).delete("t", "a.md")
    Documents(store).delete("t", "a.md")
    rows = [(row.kind, row.value) for row in Events(store).all("t")]
    assert rows == [("document.added", 2), ("document.changed", 3), ("document.removed", 3)]
    told = {"document": document_id, "source": "a.md", "title": "A.MD", "location": ""}
    assert all(row.meta == told for row in Events(store).all("t"))
