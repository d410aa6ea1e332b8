"""`aion events`: what happened is listed, shown and, where it must be, forgotten."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aion.events.log import EventLog
from aion.store.connection import Store
from aion.store.event_rows import Entry, Line
from aion.store.events import Events
from aion.types import Event
from tests.cli.conftest import Run, command, environment
from tests.events.answers import ANSWER, FOUND, PAID, answer

TENANT = "default"
MARIA = "Maria@Example.com"


@contextmanager
def logging(folder: Path) -> Iterator[EventLog]:
    with Store(folder / "aion.db") as store, closing(EventLog(Events(store))) as log:
        yield log


@pytest.fixture
def logged(tmp_path: Path) -> int:
    """One answer with all there can be about it; its number."""
    with logging(tmp_path) as log:
        found = replace(FOUND, query="Quanto custa? (tour)", original="Quanto?")
        record = replace(ANSWER, prompt=f"Quanto? {MARIA}", fallback=PAID, conversation="c-1")
        event_id = asyncio.run(log.answered(TENANT, found, record)).event_id
        told: dict[str, object] = {"thumb": "up", "passages": [{"n": 1, "relevant": True}]}
        asyncio.run(log.add(TENANT, Event("feedback", 1, told), subject=event_id))
    return event_id


def test_events_are_listed_newest_first(aion: Run, logged: int) -> None:
    lines = aion("events", "list").out.splitlines()
    assert [line.split()[3] for line in lines[1:]] == ["feedback", "answer", "retrieval", "fallback"]
    assert f"Quanto? {MARIA}" in lines[2]
    assert f"of answer {logged}" in lines[1]
    only = json.loads(aion("events", "list", "--kind", "answer", "--json").out)["events"]
    assert [(event["id"], event["kind"]) for event in only] == [(logged, "answer")]
    assert len(aion("events", "list", "--limit", "1").out.splitlines()) == 2
    assert aion("events", "list", "--since", "2999-01-01").err == "No such events.\n"


def test_a_narrow_terminal_cuts_only_what_the_events_are_about(aion: Run, logged: int) -> None:
    lines = aion("events", "list", "--kind", "answer", COLUMNS="60").out.splitlines()
    assert len(lines) == 2
    assert lines[1].split()[0] == str(logged)
    assert lines[1].split()[3] == "answer"
    assert lines[1].rstrip().endswith("…")


def test_an_answer_is_told_whole(aion: Run, logged: int) -> None:
    told = aion("events", "show", str(logged)).out
    for part in (
        "conversation c-1", "Quanto custa? (tour)", "a.md", "page 2, line 3", "bm25 1.50 (#1)",
        "cosine 0.800 (#4)", "has custa, tour", "read by the model, cited",
        "O tour custa 45 €.", "confident: C = 0.900, tau = 0.62 (calibrated)",
        "nano with adapter tone", "45 [1]", "gpt-x, cost 0.000120", "What left this machine",
        "Quanto custa?", "thumb: up", "retrieval 2.0",
    ):  # fmt: skip
        assert part in told
    whole = json.loads(aion("events", "show", str(logged), "--json").out)
    assert whole["passages"][0]["why"] == {
        "lexical_rank": 1, "dense_rank": 4, "wording": 0.5, "stems": ["custa", "tour"],
    }  # fmt: skip
    assert whole["fallback"]["meta"]["payload"] == {"messages": ["Quanto custa?"]}
    assert whole["opinion"] == {"thumb": "up", "relevant": [{"n": 1, "relevant": True}]}


def test_any_other_event_is_shown_as_it_was_written(aion: Run, logged: int) -> None:
    told = aion("events", "show", str(logged + 1)).out
    assert f"Event {logged + 1}, feedback" in told
    assert '"thumb": "up"' in told


def test_what_is_not_there_is_a_sentence(aion: Run, logged: int) -> None:
    missing = aion("events", "show", "999")
    assert (missing.code, missing.err) == (
        1, "aion: There is no event 999; `aion events list` shows what there is.\n",
    )  # fmt: skip
    assert "There is no event 99999999999999999999" in aion("events", "show", "9" * 20).err
    assert (
        "--kind is 'awnser'; give one of answer, retrieval" in aion("events", "list", "--kind", "awnser").err
    )
    assert aion("events", "list", "--limit", "9" * 20).code == 2
    assert aion("events", "prune", "--days", "9" * 20).code == 1
    assert "give a day as 2026-01-31" in aion("events", "list", "--since", "ontem").err
    assert "does not exist" in aion("events", "list", "--db", "none.db").err


def test_nothing_is_forgotten_without_a_yes(aion: Run, tmp_path: Path, logged: int) -> None:
    asked = aion("events", "forget", "--text", MARIA)
    assert asked.code == 1
    assert "These would go: 1 answer, 1 fallback, 1 feedback, 1 retrieval." in asked.out
    shown = json.loads(aion("events", "forget", "--text", MARIA, "--json").out)
    assert shown["would_delete"] == {"answer": 1, "fallback": 1, "feedback": 1, "retrieval": 1}
    with Store(tmp_path / "aion.db") as store:
        assert Events(store).find(TENANT, logged) is not None


@pytest.mark.parametrize("said", [("y\n", 0), ("n\n", 1)])
def test_a_person_is_asked(tmp_path: Path, logged: int, said: tuple[str, int]) -> None:
    ended = subprocess.run(
        command("events", "forget", "--conversation", "c-1"), cwd=tmp_path, env=environment(),
        input=said[0], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == said[1]
    assert "Delete them for good?" in ended.stderr
    assert ("Deleted: 1 answer" in ended.stdout) is (said[1] == 0)


def test_what_is_forgotten_is_gone_from_the_file(
    aion: Run, tmp_path: Path, documents: Path, logged: int
) -> None:
    with logging(tmp_path) as log:
        answer(log, "Outra?", TENANT)
    (documents / "contacto.md").write_text("# Contacto\n\nEscreva a maria@example.com.\n")
    assert aion("ingest", documents).code == 0
    done = aion("events", "forget", "--text", "MARIA@EXAMPLE.COM", "--yes")
    assert "Deleted: 1 answer, 1 fallback, 1 feedback, 1 retrieval." in done.out
    assert "docs/contacto.md" in done.err
    assert "aion documents delete" in done.err
    assert not any(MARIA.encode() in path.read_bytes() for path in tmp_path.glob("aion.db*"))
    listed = json.loads(aion("events", "list", "--kind", "erasure", "--json").out)["events"]
    assert [event["meta"]["by"] for event in listed] == [["texts"]]
    again = json.loads(aion("events", "forget", "--text", MARIA, "--json", "--yes").out)
    assert again == {"deleted": {}, "documents": ["docs/contacto.md"], "trouble": ""}
    assert "contacto.md" in aion("search", "contacto").out


def test_a_rule_that_cannot_be_meant_is_refused(aion: Run, logged: int) -> None:
    refused = aion("events", "forget", "--yes")
    assert (refused.code, refused.out) == (1, "")
    assert "Nothing says what to forget" in refused.err


def test_old_events_go_by_the_setting_or_the_option(aion: Run, tmp_path: Path, logged: int) -> None:
    with Store(tmp_path / "aion.db") as store:
        old = Entry(TENANT, (Line(Event("answer", 1)),), at="2020-01-01T00:00:00.000Z")
        Events(store).write([old])
    assert "kept for good" in aion("events", "prune").err
    asked = aion("events", "prune", AION_EVENTS_DAYS="30")
    assert (asked.code, asked.out.rstrip(" ")) == (1, "1 events of all tenants are older than 30 days.\n")
    assert aion("events", "prune", "--yes", AION_EVENTS_DAYS="30").out.endswith("Deleted: 1 events.\n")
    assert aion("events", "prune", "--days", "30").out == "Deleted: 0 events.\n"
    assert aion("events", "show", str(logged)).code == 0
