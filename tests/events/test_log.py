from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aion.errors import NotFound
from aion.events.log import EventLog
from aion.store.connection import Store
from aion.store.events import Events
from aion.types import Event, Message
from tests.events.answers import ANSWER, FOUND, PAID, TENANT, answer


def test_an_answer_is_two_events_and_its_rows(events: Events, event_log: EventLog) -> None:
    recorded = answer(event_log, conversation="c")
    told, retrieval = events.list(TENANT)
    assert (recorded.event_id, recorded.warning) == (told.id, "")
    assert (told.kind, told.value, told.conversation, told.subject) == ("answer", 1.0, "c", None)
    assert told.meta == {
        "prompt": "Quanto?", "reply": "45 [1]", "rank": 1, "source": "local", "C": 0.9,
        "confidence_method": "calibrated", "tau": 0.62, "reason": "confident", "model": "nano",
        "adapter": "tone", "language": "pt", "cited": [1], "citations": [{"n": 1, "start": 3, "end": 6}],
        "unsupported": [{"start": 0, "end": 2}], "ms": {"retrieval": 2.0}, "n_prompt": 30,
        "n_completion": 4, "n_sent": 1, "retrieval": retrieval.id,
    }  # fmt: skip
    assert (retrieval.kind, retrieval.value, retrieval.subject) == ("retrieval", 1.0, told.id)
    assert (retrieval.conversation, retrieval.at) == ("c", told.at)
    assert events.retrieved(TENANT, retrieval.id) == FOUND.passages


def test_a_fallback_is_an_event_of_value_zero(events: Events, event_log: EventLog) -> None:
    event_id = answer(event_log, source="fallback", fallback=PAID).event_id
    fallback, retrieval = events.about(TENANT, event_id)
    assert (retrieval.kind, fallback.kind, fallback.value) == ("retrieval", "fallback", 0.0)
    assert fallback.meta == {
        "wanted": "low_confidence", "reason": "low_confidence", "prompt": "Quanto?", "model": "gpt-x",
        "cost_micros": 120, "tokens_in": 300, "tokens_out": 40, "payload": {"messages": ["Quanto custa?"]},
        "tag": "rag-answer",
    }  # fmt: skip
    found = events.find(TENANT, event_id)
    assert found is not None
    assert found.meta["fallback"] == fallback.id


def test_no_answer_is_lost_over_what_is_in_it(events: Events, event_log: EventLog) -> None:
    half = json.loads('"oi \\ud800\\u0000"')
    endless: list[object] = []
    endless.append(endless)
    paid = PAID.__class__(half, payload={half: endless, "path": Path("x"), "set": {1}})
    recorded = answer(
        event_log, half, reply="a" * 5_000_000, confidence=float("nan"), ms={"x": float("inf")},
        fallback=paid, conversation=half,
    )  # fmt: skip
    assert recorded.warning == ""
    told = events.find(TENANT, recorded.event_id)
    assert told is not None
    assert (told.meta["prompt"], told.meta["C"], told.meta["ms"]) == ("oi ?\0", None, {"x": None})
    assert len(str(told.meta["reply"])) == 5_000_000
    (fallback,) = events.list(TENANT, "fallback")
    payload = fallback.meta["payload"]
    assert isinstance(payload, dict)
    assert (payload["path"], payload["set"]) == ("x", [1])


def test_those_who_ask_at_once_share_transactions(store: Store, event_log: EventLog) -> None:
    n_commits = 0

    def count() -> bool:
        nonlocal n_commits
        n_commits += 1
        return False

    async def ask() -> list[int]:
        told = await asyncio.gather(*(event_log.answered(TENANT, FOUND, ANSWER) for _ in range(100)))
        return [recorded.event_id for recorded in told]

    with store.write() as db:
        db.set_commit_hook(count)
    ids = asyncio.run(ask())
    assert len(set(ids)) == 100
    assert n_commits < 50


def test_a_feedback_belongs_to_its_answer(events: Events, event_log: EventLog) -> None:
    answer_id = answer(event_log).event_id
    recorded = asyncio.run(event_log.add(TENANT, Event("feedback", 1, {"thumb": "up"}), subject=answer_id))
    found = events.find(TENANT, recorded.event_id)
    assert found is not None
    assert (found.kind, found.subject) == ("feedback", answer_id)


@pytest.mark.parametrize("tenant", [TENANT, "other"])
def test_what_an_event_is_about_must_be_there(events: Events, event_log: EventLog, tenant: str) -> None:
    answer_id = answer(event_log).event_id
    subject = answer_id if tenant == "other" else answer_id + 1
    with pytest.raises(NotFound, match=f"no event {subject}"):
        asyncio.run(event_log.add(tenant, Event("feedback", 1), subject=subject))
    assert events.list(tenant, "feedback") == ()


def test_who_goes_away_does_not_take_the_event_along(events: Events, event_log: EventLog) -> None:
    async def leave() -> None:
        task = asyncio.create_task(event_log.answered(TENANT, FOUND, ANSWER))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(leave())
    event_log.close()
    assert [event.kind for event in events.list(TENANT)] == ["answer", "retrieval"]


def test_at_the_close_all_is_written_and_later_events_are_told_so(
    events: Events, event_log: EventLog
) -> None:
    for n in range(1000):
        event_log.post(TENANT, Event("adapter.loaded", n))
    event_log.close()
    assert [event.value for event in events.list(TENANT, limit=2000)] == list(range(999, -1, -1))
    recorded = answer(event_log)
    assert recorded.event_id == 0
    assert "closed" in recorded.warning


def test_an_error_keeps_what_was_found_but_no_question(events: Events, event_log: EventLog) -> None:
    asyncio.run(event_log.failed(TENANT, "The model failed.", FOUND))
    error, retrieval = events.list(TENANT)
    assert (error.kind, error.meta) == ("error", {"route": "answer", "message": "The model failed."})
    assert retrieval.subject == error.id


def test_the_history_is_the_newest_turns_of_one_conversation(event_log: EventLog) -> None:
    for n in range(4):
        answer(event_log, f"q{n}", reply=f"r{n}", conversation="c")
    answer(event_log, "x", conversation="other")
    answer(event_log, "y")
    answer(event_log, "z", "u", conversation="c")
    assert event_log.history(TENANT, "c", 2) == (
        Message("user", "q2"), Message("assistant", "r2"), Message("user", "q3"), Message("assistant", "r3"),
    )  # fmt: skip
    assert len(event_log.history(TENANT, "c")) == 8
    assert event_log.history(TENANT, "none") == ()


def test_ids_tell_the_order_whatever_the_clock_does(
    events: Events, event_log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, at in enumerate(["2030-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z"]):
        with monkeypatch.context() as patch:
            patch.setattr("aion.events.log.now", lambda at=at: at)
            answer(event_log, f"q{n}", conversation="c")
    assert [event.meta["prompt"] for event in events.list(TENANT, "answer")] == ["q1", "q0"]
    assert [turn.content for turn in event_log.history(TENANT, "c")][::2] == ["q0", "q1"]


_ASKS = """
import asyncio, sys
from pathlib import Path
from aion.events.log import EventLog
from aion.store.connection import Store
from aion.store.events import Events
from tests.events.answers import ANSWER, FOUND

log = EventLog(Events(Store(Path(sys.argv[1]))))

async def ask():
    while True:
        recorded = await log.answered("t", FOUND, ANSWER)
        print(recorded.event_id, flush=True)

async def all():
    await asyncio.gather(*(ask() for _ in range(8)))

asyncio.run(all())
"""


def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _ASKS, str(tmp_path / "aion.db")], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(200)]
        os.kill(child.pid, signal.SIGKILL)
        told += [int(line) for line in child.stdout if line.endswith("\n")]
    with Store(tmp_path / "aion.db") as store:
        kept = {event.id for event in Events(store).all("t") if event.kind == "answer"}
    assert len(told) == len(set(told))
    assert set(told) <= kept
