"""Faults of the log while the service answers."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing

import apsw
import pytest

from aion.answer.router import Router
from aion.events import writer
from aion.store.events import Events
from tests.cli.conftest import command, environment
from tests.server.live import Live, wait_until

QUESTION = {"message": "Quanto custa o tour full-day em Sintra?", "tau": 1}


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RETRY_S", (0.02, 0.1))
    monkeypatch.setattr(writer, "WAIT_MS", 50)


@pytest.mark.usefixtures("_soon")
def test_an_answer_goes_out_with_a_warning_and_is_logged_later(sintra: Live) -> None:
    library = sintra.services.library
    with closing(apsw.Connection(str(library.store.path))) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = sintra.post("/api/ai/chat", {**QUESTION, "conversation_id": "late"}).json()
        health = sintra.http.get("/health").json()
        other.execute("ROLLBACK")
    assert answer["text"]
    assert answer["event_id"] == 0
    assert "was locked by another process" in answer["warning"]
    assert "Events wait to be written" in str(health)
    wait_until(lambda: not library.log.notice, "the event to be written")
    newest = Events(library.store).list("default", "answer", limit=1)[0]
    assert (newest.conversation, newest.meta["reply"]) == ("late", answer["text"])
    assert "warning" not in sintra.post("/api/ai/chat", QUESTION).json()


def test_an_unexpected_error_is_on_record_without_what_was_asked(
    sintra: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_router: Router, question: object) -> None:
        raise ValueError(f"what is {question}?")

    monkeypatch.setattr(Router, "answer", fail)
    assert sintra.post("/api/ai/chat", {"message": "segredo"}).status_code == 500
    events = Events(sintra.services.library.store)
    wait_until(lambda: bool(events.list("default", "error")), "the error to be on record")
    error = events.list("default", "error")[0]
    assert error.value == 0
    assert error.meta["route"] == "/api/ai/chat"
    assert error.meta["type"] == "ValueError"
    assert "ValueError in fail (test_event_faults.py, line" in str(error.meta["message"])
    assert "segredo" not in str(error.meta)


def test_what_another_process_forgets_is_gone_while_this_one_serves(sintra: Live) -> None:
    person = "fulano.de.tal@example.com"
    path = sintra.services.library.store.path
    answer = sintra.post("/api/ai/chat", {**QUESTION, "message": f"Sou {person}, quanto custa?"}).json()
    assert sintra.http.get(f"/api/events/{answer['event_id']}").status_code == 200
    done = subprocess.run(
        command("events", "forget", "--text", person, "--yes", "--json", "--db", path),
        env=environment(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["deleted"]["answer"], told["trouble"]) == (1, "")
    assert not any(person.encode() in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    assert sintra.http.get(f"/api/events/{answer['event_id']}").status_code == 404
    assert sintra.post("/api/ai/chat", QUESTION).json()["event_id"] > answer["event_id"]
