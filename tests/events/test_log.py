from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aion.events.log import EventLog
from aion.store.connection import Store
from aion.store.events import Events
from aion.types import Passage, Retrieval

FOUND = Retrieval("Quanto?", (Passage(1, 5, 2, "a.md", "A", "texto", 3, 0.9, 0.8, 1.5),), 2.0)


@pytest.fixture
def events(tmp_path: Path) -> Iterator[Events]:
    with Store(tmp_path / "aion.db") as store:
        yield Events(store)


def record(events: Events, reason: str | None, reply: str = "45 [1]", **details: object) -> int:
    return EventLog(events).answered(
        "t", FOUND, prompt="Quanto?", reply=reply, source="local", fallback_reason=reason, details=details
    )


def test_an_answer_is_two_events_and_its_rows(events: Events) -> None:
    answer_id = record(events, None, C=0.9)
    answer, retrieval = events.list("t")
    assert (answer.id, answer.kind, answer.value) == (answer_id, "answer", 1.0)
    assert answer.meta == {"prompt": "Quanto?", "reply": "45 [1]", "rank": 1, "source": "local", "C": 0.9}
    assert (retrieval.kind, retrieval.value) == ("retrieval", 1.0)
    assert events.retrieved("t", retrieval.id) == FOUND.passages


def test_a_reason_makes_a_fallback_of_value_zero(events: Events) -> None:
    record(events, "low_confidence")
    kinds = [(row.kind, row.value) for row in reversed(events.list("t"))]
    assert kinds == [("fallback", 0.0), ("retrieval", 1.0), ("answer", 1.0)]
    assert events.list("t", "fallback")[0].meta == {"reason": "low_confidence", "prompt": "Quanto?"}


def test_all_are_on_disk_or_none(events: Events) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        record(events, "low_confidence", C=float("nan"))
    assert events.list("t") == ()
