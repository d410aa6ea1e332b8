from __future__ import annotations

from pathlib import Path

import pytest

from aion.errors import StoreError
from aion.store import migrations
from aion.store.connection import Store
from aion.store.event_removal import EventRemoval
from aion.store.event_rows import Entry, Judged, Line, line_of
from aion.store.events import Events
from aion.store.judgments import Judgments
from aion.types import Event, Passage, Retrieval

PASSAGE = Passage(1, 7, 3, "sintra/pena.md", "Pena", "Pena\nAbre às 9h30.", 4, 0.75, 0.5, 2.25)
OLD, NEW = "2020-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"


def with_gate_open(store: Store, statement: str) -> None:
    with store.write() as db:
        db.execute("INSERT INTO deletion_gate (id) VALUES (1)")
        db.execute(statement)


def put(store: Store, at: str = NEW, tenant: str = "t") -> tuple[int, ...]:
    """A fallback, a retrieval and the answer they belong to."""
    retrieval = Line(line_of(Retrieval("q", (PASSAGE,))).event, (PASSAGE,), about=2)
    lines = (Line(Event("fallback", 0), about=2), retrieval, Line(Event("answer", 1), refs={"retrieval": 1}))
    (ids,) = Events(store).write([Entry(tenant, lines, at=at)])
    assert isinstance(ids, tuple)
    return ids


def feedback(store: Store, answer: int, at: str = NEW) -> int:
    line = Line(Event("feedback", 1), subject=answer)
    ((event_id,),) = Events(store).write([Entry("t", (line,), at=at)])  # type: ignore[misc]
    return event_id


@pytest.mark.parametrize("place", range(3))
def test_whichever_part_goes_the_others_go_too(store: Store, place: int) -> None:
    ids, other = put(store), put(store)
    opinion = feedback(store, ids[2])
    removal = EventRemoval(store)
    assert removal.with_dependants("t", [ids[place]]) == {*ids, opinion}
    counts = removal.erase("t", [ids[place]], [], {"by": ["texts"]})
    assert counts == {"answer": 1, "fallback": 1, "feedback": 1, "retrieval": 1}
    erasure, *rest = Events(store).list("t")
    assert [row.id for row in rest] == [*reversed(other)]
    assert (erasure.kind, erasure.meta) == ("erasure", {"by": ["texts"], "n": counts})
    assert Events(store).retrieved("t", ids[1]) == ()


def test_a_feedback_goes_alone(store: Store) -> None:
    ids = put(store)
    opinion = feedback(store, ids[2])
    assert EventRemoval(store).with_dependants("t", [opinion]) == {opinion}


def test_of_another_tenant_nothing_goes(store: Store) -> None:
    ids = put(store, tenant="other")
    assert EventRemoval(store).erase("t", ids, [], {}) == {}
    assert len(Events(store).list("other")) == 3


def test_an_id_is_never_given_again(store: Store) -> None:
    ids = put(store)
    EventRemoval(store).erase("t", ids, [], {})
    assert put(store)[0] == ids[-1] + 2  # between them is the erasure


def test_what_is_too_old_goes_and_what_tells_of_it_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aion.store.event_removal.MOST_TOGETHER", 4)
    for _ in range(5):
        put(store, OLD)
    put(store, OLD, "other")
    new = put(store)
    opinion = feedback(store, put(store, OLD)[2], NEW)
    removal = EventRemoval(store)
    assert removal.expire("2025-01-01", {"days": 365}) == 22
    rows = Events(store).list("t")
    assert {row.id for row in rows if row.kind != "retention"} == set(new)
    assert opinion not in new
    told = [row for row in rows if row.kind == "retention"]
    assert sum(row.value for row in told) == 19
    assert {str(row.meta["before"]) for row in told} == {"2025-01-01"}
    assert [row.kind for row in Events(store).list("other")] == ["retention"]
    assert removal.expire("2999-01-01", {}) == 3
    assert {row.kind for row in Events(store).list("t")} == {"retention"}


def test_the_gate_cannot_stay_open(store: Store) -> None:
    ids = put(store)
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        with_gate_open(store, "DELETE FROM retrievals")
    assert len(Events(store).retrieved("t", ids[1])) == 1
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM deletion_gate").get == 0


@pytest.mark.parametrize("values", ["(2, 0)", "(1, 1)", "(0, 0)"])
def test_the_gate_has_no_other_key(store: Store, values: str) -> None:
    with pytest.raises(StoreError, match="constraint"), store.write() as db:
        db.execute(f"INSERT INTO deletion_gate VALUES {values}")


def test_an_open_gate_lets_nothing_be_changed(store: Store) -> None:
    put(store)
    with pytest.raises(StoreError, match="append-only"):
        with_gate_open(store, "UPDATE events SET value = 2")


def test_judgments_come_with_a_feedback_and_are_taken_back_by_a_later_one(store: Store) -> None:
    answer = put(store)[2]

    def judge(grade: float | None) -> list[float]:
        judged = (Judged("q", "a.md", "00ff", grade),)
        Events(store).write([Entry("t", (Line(Event("feedback", 0), subject=answer, judged=judged),))])
        return [judgment.grade for judgment in Judgments(store).list("t") if judgment.origin == "feedback"]

    assert [judge(1.0), judge(0.0), judge(None), judge(1.0)] == [[1.0], [0.0], [], [1.0]]


def test_answers_of_an_older_file_are_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ["retrieval", "answer", "fallback", "retrieval", "answer", "retrieval"]
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:3])
        with Store(tmp_path / "aion.db") as old, old.write() as db:
            for kind in kinds:
                db.execute(
                    "INSERT INTO events (tenant, at, kind, value, meta) VALUES ('t', '2026', ?, 1, '{}')",
                    (kind,),
                )
    with Store(tmp_path / "aion.db") as store:
        assert [row.subject for row in Events(store).all("t")] == [2, None, 5, 5, None, None]
        with pytest.raises(StoreError, match="append-only"), store.write() as db:
            db.execute("UPDATE events SET subject = 1")
        with pytest.raises(StoreError, match="append-only"), store.write() as db:
            db.execute("DELETE FROM events")
