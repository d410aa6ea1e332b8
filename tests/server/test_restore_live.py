"""A restore under a running service: it goes on with what was restored, and nothing of both is mixed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aion.server.library import open_library
from aion.server.upkeep.backup import back_up, put_back
from aion.server.upkeep.check import check_all
from aion.settings import Settings
from tests.server.live import settings_in
from tests.server.process import Served, served

# Of one number of documents and of chunks: what is remembered of the one file looks like the other.
BEFORE = {
    "pena.md": "# Pena\n\nO bilhete do castelo custa 14 euros.",
    "bus.md": "# Bus\n\nO autocarro é o 434.",
}
AFTER = {"mar.md": "# Mar\n\nO bilhete do museu custa 9 euros.", "sol.md": "# Sol\n\nO elétrico é o 28."}
QUESTION = "Quanto custa o bilhete?"


def quiet(_what: str, _done: int, _total: int) -> None:
    pass


def filled(folder: Path, texts: dict[str, str]) -> Settings:
    """A store in `folder` with these documents."""
    documents = folder / "documents"
    documents.mkdir(parents=True)
    for name, text in texts.items():
        (documents / name).write_text(text)
    settings = settings_in(folder)
    with open_library(settings) as library:
        assert not library.ingester.ingest([documents], settings.tenant).failed
    return settings


def sources(answer: dict[str, object]) -> set[str]:
    passages = answer["passages"]
    assert isinstance(passages, list)
    return {Path(passage["source"]).name for passage in passages}


@pytest.fixture(scope="module")
def backups(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Backups of two stores that know nothing of each other."""
    made = {}
    for name, texts in (("before", BEFORE), ("after", AFTER)):
        folder = tmp_path_factory.mktemp(name)
        made[name] = back_up(filled(folder, texts).db, folder / f"{name}.db", quiet).path
    return made


def test_a_running_service_goes_on_with_what_was_restored(backups: dict[str, Path], tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    put_back(settings.db, backups["before"], quiet)
    with served(tmp_path) as service:
        old = [service.ask(QUESTION) for _ in range(3)]  # the first has the vectors copied into memory
        assert all(sources(answer) == set(BEFORE) for answer in old)
        done = put_back(settings.db, backups["after"], quiet)
        new = [service.ask(QUESTION) for _ in range(3)]
        assert all(sources(answer) == set(AFTER) for answer in new)
        assert "museu" in str(new[0]["passages"])
        assert_ids_go_on(service, old, new)
        assert_takes_documents(service)
        assert done.kept is not None
        put_back(settings.db, done.kept, quiet)
        assert sources(service.ask(QUESTION)) == set(BEFORE)
        assert service.http.post(
            "/api/feedback", json={"event_id": old[0]["event_id"], "thumb": "up"}
        ).is_success
    report = check_all(settings, lambda _what: None)
    assert report.is_whole, report.problems


def assert_ids_go_on(service: Served, old: list[dict[str, object]], new: list[dict[str, object]]) -> None:
    """No answer has the id of one that went, and what went is not found under its id."""
    assert min(int(str(answer["event_id"])) for answer in new) > max(
        int(str(answer["event_id"])) for answer in old
    )
    gone = service.http.post("/api/feedback", json={"event_id": old[0]["event_id"], "thumb": "up"})
    assert gone.status_code == 404
    here = service.http.post("/api/feedback", json={"event_id": new[0]["event_id"], "thumb": "down"})
    assert here.is_success


def assert_takes_documents(service: Served) -> None:
    sent = {"text": "# Farol\n\nO farol abre às dez horas.", "source": "farol.md"}
    assert service.http.post("/api/documents", json=sent).json()["documents"][0]["status"] == "added"
    assert "farol.md" in sources(service.ask("Quando abre o farol?"))


def test_answers_during_restores_are_of_one_store_each(backups: dict[str, Path], tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    put_back(settings.db, backups["before"], quiet)
    with served(tmp_path) as service, ThreadPoolExecutor(2) as askers:
        is_done = threading.Event()
        asked = [askers.submit(_ask_until, is_done, service) for _ in range(2)]
        for n in range(9):
            put_back(settings.db, backups["before" if n % 2 else "after"], quiet, keeps=False)
        is_done.set()
        answers = [answer for each in asked for answer in each.result()]
        assert sources(service.ask(QUESTION)) == set(AFTER)
    assert {frozenset(sources(answer)) for answer in answers} <= {frozenset(BEFORE), frozenset(AFTER)}
    ids = [answer["event_id"] for answer in answers]
    assert len(set(ids)) == len(ids)


def _ask_until(is_done: threading.Event, service: Served) -> list[dict[str, object]]:
    answers = []
    while not is_done.is_set():
        answers.append(service.ask(QUESTION))
    return answers
