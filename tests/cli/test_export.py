from __future__ import annotations

import json
from pathlib import Path

import pytest

from aion.store.connection import Store
from tests.cli.conftest import Run
from tests.events.logged import Log


@pytest.fixture
def logged(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        log = Log(store, "default")
        log.answer("2026-03-01T12:00:00.000Z")
        log.answer(prompt="Escreva a ana@exemplo.pt")
        log.answer(source="fallback", reason="low_confidence")


@pytest.mark.usefixtures("logged")
def test_good_answers_become_a_file(aion: Run, tmp_path: Path) -> None:
    done = aion("events", "export")
    path = tmp_path / "trainer" / "events.jsonl"
    assert (done.code, done.out) == (0, "trainer/events.jsonl: 2 rows, 2 of them new.\n")
    assert "Left out: fallback 1." in done.err
    assert "Masked: " in done.err
    assert "ana@exemplo.pt" not in path.read_text("utf-8")
    printed = json.loads(aion("events", "export", "--fresh", "--teacher", "--json").out)
    assert (printed["n_rows"], printed["left_out"]) == (3, {})


@pytest.mark.usefixtures("logged")
def test_the_raw_form_with_personal_data_only_where_it_is_asked_for(aion: Run, tmp_path: Path) -> None:
    aion("events", "export", "--form", "raw", "--since", "2026-03-10")
    masked = (tmp_path / "trainer" / "events.raw.jsonl").read_text("utf-8")
    assert ("ana@exemplo.pt" in masked, "2026-03-01" in masked, masked.count("\n")) == (False, False, 4)
    aion("events", "export", "--form", "raw", "--raw-personal", "--out", "own.jsonl")
    assert "ana@exemplo.pt" in (tmp_path / "own.jsonl").read_text("utf-8")


def test_options_of_the_other_form_are_refused(aion: Run) -> None:
    assert aion("events", "export", "--raw-personal").code == 2
    assert aion("events", "export", "--form", "raw", "--teacher").code == 2
    done = aion("events", "export", "--since", "ontem")
    assert (done.code, "'ontem'" in done.err) == (1, True)
