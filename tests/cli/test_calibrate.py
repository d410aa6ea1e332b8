from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

_THINGS = """
    castelo palácio jardim poço torre praia ponte museu igreja mercado farol mirante trilha gruta fonte
    moinho cais teatro estação parque mosteiro capela azenha quinta
"""
THINGS = _THINGS.split()


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    folder = tmp_path / "questions"
    folder.mkdir()
    passages = [
        {
            "id": f"p{n}",
            "title": thing,
            "text": f"A visita ao {thing} dura {n + 20} minutos e custa {n} euros.",
        }
        for n, thing in enumerate(THINGS)
    ]
    asked: list[dict[str, object]] = [
        {"question": f"Quanto custa a visita ao {thing}?", "passage": f"p{n}"}
        for n, thing in enumerate(THINGS)
    ]
    asked += [{"question": f"Quem foi o rei número {n}?", "passage": None} for n in range(8)]
    for name, rows in (("passages", passages), ("questions", asked)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_a_folder_calibrates_and_the_history_shows_it(aion: Run, questions: Path) -> None:
    printed = json.loads(aion("calibrate", questions, "--json").out)
    assert (printed["origin"], printed["present"], printed["is_kept"]) == ("folder", "prior", True)
    assert printed["figures"]["fitted"]["n_answerable"] == 24
    assert printed["figures"]["fitted"]["n_unanswerable"] == 32
    assert printed["figures"]["fitted"]["auroc"] > 0.95
    again = aion("calibrate", questions)
    assert again.code == 0
    assert "the present calibration" in again.out
    kept = json.loads(aion("calibrate", "--history", "--json").out)["calibrations"]
    assert [one["origin"] for one in kept][:1] == ["folder"]
    assert "folder" in aion("calibrate", "--history").out
    assert f"Forgot {len(kept)} calibrations" in aion("calibrate", "--reset").err
    assert json.loads(aion("calibrate", "--history", "--json").out) == {"calibrations": []}
    none_left = aion("calibrate", "--history")
    assert (none_left.out, none_left.err) == ("", "No calibration was kept; the built-in prior judges.\n")


def test_too_few_documents_are_refused_in_a_sentence(aion: Run, documents: Path) -> None:
    assert aion("ingest", documents).code == 0
    done = aion("calibrate")
    assert done.code == 1
    assert "too few to calibrate on" in done.err
    assert "ingest more documents" in done.err


@pytest.mark.parametrize("options", [("--split", "train"), ("folder", "--on", "made")])
def test_options_that_would_do_nothing_are_refused(aion: Run, options: tuple[str, ...]) -> None:
    assert aion("calibrate", *options).code == 2
