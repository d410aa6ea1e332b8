from __future__ import annotations

import asyncio
from dataclasses import replace

import apsw
import pytest

from aion.errors import InvalidRequest, NotFound
from aion.events import writer
from aion.events.erasure import Criteria, Erasure
from aion.events.log import EventLog, late_file
from aion.store import connection
from aion.store.connection import Store
from aion.store.event_rows import Judged
from aion.store.events import Events
from aion.store.judgments import Judgments
from aion.types import Event, Retrieval
from tests.events.answers import ANSWER, PAID, PASSAGE, TENANT, answer
from tests.store.rows import put

MARIA = "maria@example.com"


@pytest.fixture
def erasure(store: Store) -> Erasure:
    return Erasure(store, late_file(store.path))


def forget(erasure: Erasure, *texts: str, **more: str) -> dict[str, int]:
    criteria = Criteria(texts, more.get("conversation"), more.get("before"))
    erased = erasure.erase(TENANT, criteria, erasure.find(TENANT, criteria))
    assert erased.trouble == ""
    return erased.counts


def left(events: Events, tenant: str = TENANT) -> list[str]:
    return [event.kind for event in events.all(tenant)]


def in_the_file(store: Store, text: str) -> bool:
    """Whether the bytes are in the file, its log of writes, or the file of late events."""
    files = store.path.parent.glob(store.path.name + "*")
    return any(text.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize("place", ["prompt", "reply", "payload", "passage", "query", "feedback"])
def test_an_answer_goes_with_all_that_belongs_to_it(
    store: Store, events: Events, event_log: EventLog, erasure: Erasure, place: str
) -> None:
    answer(event_log, "Outra coisa?")
    told = {"passage": "", "query": "", "feedback": ""} | {place: f"de Maria@Example.com, {'x' * 40_000}"}
    record = replace(
        ANSWER, prompt=told.get("prompt", "q"), reply=told.get("reply", "r"),
        fallback=replace(PAID, payload={"messages": [{"content": told.get("payload", "")}]}),
    )  # fmt: skip
    passage = replace(PASSAGE, text=told["passage"] or PASSAGE.text)
    found = Retrieval(told["query"] or "q", (passage,))
    answer_id = asyncio.run(event_log.answered(TENANT, found, record)).event_id
    comment: dict[str, object] = {"comment": told["feedback"]}
    asyncio.run(event_log.add(TENANT, Event("feedback", 0, comment), subject=answer_id))
    assert in_the_file(store, "Maria@Example.com")
    counts = forget(erasure, MARIA)
    if place == "feedback":
        assert counts == {"feedback": 1}
    else:
        assert counts == {"answer": 1, "fallback": 1, "feedback": 1, "retrieval": 1}
        assert left(events) == ["retrieval", "answer", "erasure"]
    assert not in_the_file(store, "Maria@Example.com")
    assert in_the_file(store, "Outra coisa?")


def test_copies_that_pages_keep_of_their_rows_are_gone_too(
    store: Store, event_log: EventLog, erasure: Erasure
) -> None:
    for n in range(300):
        text = f"n{n} {MARIA if n % 3 == 0 else 'x' * 17} " * (n % 40 + 1)
        found = Retrieval("q", tuple(replace(PASSAGE, n=i, text=text) for i in range(1, 4)))
        asyncio.run(event_log.answered(TENANT, found, replace(ANSWER, reply=text)))
    assert forget(erasure, MARIA)["answer"] == 100
    assert not in_the_file(store, MARIA)


def test_the_log_says_how_much_went_and_nothing_of_what(
    events: Events, event_log: EventLog, erasure: Erasure
) -> None:
    answer(event_log, f"Sou {MARIA}", conversation="c-1")
    forget(erasure, MARIA, conversation="c-1")
    (told,) = events.list(TENANT)
    assert (told.kind, told.value) == ("erasure", 2.0)
    assert told.meta == {"by": ["texts", "conversation"], "n": {"answer": 1, "retrieval": 1}}


def test_all_that_is_given_must_hold(events: Events, event_log: EventLog, erasure: Erasure) -> None:
    answer(event_log, f"1 {MARIA}", conversation="a")
    answer(event_log, "2", conversation="a")
    answer(event_log, f"3 {MARIA}", conversation="b")
    assert erasure.find(TENANT, Criteria((MARIA,), before="2020-01-01")).counts() == {}
    assert forget(erasure, MARIA, conversation="a") == {"answer": 1, "retrieval": 1}
    assert forget(erasure, conversation="a") == {"answer": 1, "retrieval": 1}
    assert forget(erasure, before="2999-01-01") == {"answer": 1, "retrieval": 1}
    assert left(events) == ["erasure"] * 3


def test_nothing_is_found_without_a_rule() -> None:
    with pytest.raises(InvalidRequest, match="Nothing says what to forget"):
        Criteria()


def test_other_tenants_keep_theirs(events: Events, event_log: EventLog, erasure: Erasure) -> None:
    answer(event_log, MARIA, tenant="other")
    assert not erasure.find(TENANT, Criteria((MARIA,)))
    answer(event_log, MARIA)
    forget(erasure, MARIA)
    assert left(events, "other") == ["retrieval", "answer"]


def test_judgments_of_erased_questions_go(store: Store, event_log: EventLog, erasure: Erasure) -> None:
    answer_id = answer(event_log, conversation="c").event_id
    judged = (Judged("Quanto?", "a.md", "ff", 1.0),)
    asyncio.run(event_log.add(TENANT, Event("feedback", 0, {}), subject=answer_id, judged=judged))
    judgments = Judgments(store)
    judgments.add(TENANT, f"Onde mora {MARIA}?", "a.md", 1, "label")
    judgments.add(TENANT, "Quanto?", "a.md", 1, "label")
    assert erasure.find(TENANT, Criteria((MARIA,))).counts() == {"judgment": 1}
    assert forget(erasure, MARIA) == {"judgment": 1}
    assert forget(erasure, conversation="c")["judgment"] == 1
    assert [(j.question, j.origin) for j in judgments.list(TENANT)] == [("Quanto?", "label")]


def test_documents_that_hold_it_are_named_and_stay(store: Store, erasure: Erasure) -> None:
    put(store, TENANT, "contactos.md", ["Fale com a MARIA@example.com."])
    put(store, TENANT, "outro.md", ["Nada."])
    put(store, "other", "alheio.md", [MARIA])
    found = erasure.find(TENANT, Criteria((MARIA,)))
    assert (found.documents, bool(found)) == (("contactos.md",), False)


def test_what_waits_to_be_written_goes_too(
    store: Store, events: Events, erasure: Erasure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "WAIT_MS", 50)
    other = apsw.Connection(str(store.path))
    other.execute("BEGIN IMMEDIATE")
    log = EventLog(events)
    late_file(store.path).reserve()
    for prompt in ("first", f"Sou {MARIA}", "last"):
        assert answer(log, prompt).event_id == 0
    log.close()
    other.execute("ROLLBACK")
    other.close()
    assert forget(erasure, MARIA) == {"late": 1}
    assert not in_the_file(store, MARIA)
    with_rest = EventLog(events)
    with_rest.close()
    kept = [event.meta["prompt"] for event in events.all(TENANT) if event.kind == "answer"]
    assert kept == ["first", "last"]


def test_a_late_feedback_on_an_erased_answer_is_not_written(
    store: Store, events: Events, event_log: EventLog, erasure: Erasure
) -> None:
    answer_id = answer(event_log, MARIA).event_id
    forget(erasure, MARIA)
    with pytest.raises(NotFound):
        asyncio.run(event_log.add(TENANT, Event("feedback", 1, {}), subject=answer_id))
    assert left(events) == ["erasure"]


def test_while_another_process_reads_it_is_said_that_bytes_may_stay(
    store: Store, event_log: EventLog, erasure: Erasure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_MS", 100)
    answer(event_log, MARIA)
    reader = apsw.Connection(str(store.path))
    rows = reader.execute("SELECT id FROM events")
    next(rows)
    criteria = Criteria((MARIA,))
    erased = erasure.erase(TENANT, criteria, erasure.find(TENANT, criteria))
    assert erased.counts == {"answer": 1, "retrieval": 1}
    assert "bytes may stay" in erased.trouble
    reader.close(True)


def test_found_again_it_is_gone(event_log: EventLog, erasure: Erasure) -> None:
    answer(event_log, MARIA)
    criteria = Criteria((MARIA,))
    found = erasure.find(TENANT, criteria)
    assert found.counts() == {"answer": 1, "retrieval": 1}
    erasure.erase(TENANT, criteria, found)
    assert erasure.erase(TENANT, criteria, found).counts == {}
    assert not erasure.find(TENANT, criteria)
