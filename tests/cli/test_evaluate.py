from __future__ import annotations

import json
from pathlib import Path

import pytest

from aion.store.connection import Store
from aion.store.evaluations import Evaluations
from aion.store.judgments import Judgments
from tests.cli.conftest import Run


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    folder = tmp_path / "questions"
    folder.mkdir()
    passages = [
        {"id": f"p{n}", "title": f"Tour {n}", "text": f"O tour {n} custa {n + 10} €."} for n in range(5)
    ]
    asked: list[dict[str, object]] = [
        {"question": f"Quanto custa o tour {n}?", "passage": f"p{n}", "split": "test"} for n in range(5)
    ]
    asked.append({"question": "Quem é o dono?", "passage": None, "split": "test"})
    for name, rows in (("passages", passages), ("questions", asked)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_a_folder_is_measured(aion: Run, questions: Path, tmp_path: Path) -> None:
    done = aion("eval", questions, "--split", "test")
    assert done.code == 0
    assert "5 questions, 5 documents, 5 chunks, aion-embed:256" in done.out
    assert done.out.splitlines()[2].split()[:2] == ["lexical", "1.0000"]
    assert "1 questions name no passage" in done.err
    assert not (tmp_path / "aion.db").exists()


def test_one_mode_as_json_and_what_is_wrong_by_name(aion: Run, questions: Path) -> None:
    printed = json.loads(aion("eval", questions, "--json", "--mode", "lexical", "--k", "3").out)
    assert printed["modes"]["lexical"]["recall"] == 1.0
    assert list(printed["modes"]) == ["lexical"]
    with (questions / "questions.jsonl").open("a") as file:
        file.write("\n{")
    done = aion("eval", questions)
    assert (done.code, "questions.jsonl cannot be used: line 7: not JSON" in done.err) == (1, True)
    assert aion("eval", "--tune").code == 2


def test_answers_are_measured_by_the_command(aion: Run, questions: Path, tmp_path: Path) -> None:
    printed = aion("eval", "--answers", questions, "--tau", "0", "--limit", "4", "--json", "--out", "a.jsonl")
    figures = json.loads(printed.out)["figures"]
    assert figures["n_questions"] == 4
    assert figures["right_among"] == 1.0
    assert set(figures["ms"]) >= {"retrieval", "generation", "total"}
    assert len((tmp_path / "a.jsonl").read_text("utf-8").splitlines()) == 5
    shown = aion("eval", "--answers", questions, "--tau", "0", "--out", "a.jsonl")
    assert "6 questions, 5 answerable" in shown.out
    assert "answerable: the answer cites the right passage" in shown.out
    refused = aion("eval", "--answers", questions, "--out", "a.jsonl")
    assert (refused.code, "is of a run with tau 0.0, and this one has 0.62" in refused.err) == (1, True)
    assert not (tmp_path / "aion.db").exists()


def test_own_questions_are_labelled_measured_and_remembered(
    aion: Run, documents: Path, tmp_path: Path
) -> None:
    aion("ingest", documents)
    question = "Quanto custa o tour full-day?"
    refused = aion("eval", "label", question, "--source", "nada.md")
    assert (refused.code, "There is no document 'nada.md'" in refused.err) == (1, True)
    assert aion("eval", "label", question, "--source", "docs/full-day.md").code == 0
    assert question in aion("eval", "labels").out
    assert aion("eval", "--mode", "hybrid").code == 0
    with Store(tmp_path / "aion.db") as store:
        assert [judgment.source for judgment in Judgments(store).list("default")] == ["docs/full-day.md"]
        Evaluations(store).add("default", "e5", 1, {"hybrid": {"ndcg": 0.5}})
    assert "nDCG hybrid   █▅ 1.000 → 0.500" in aion("eval", "--history").out
    assert aion("eval", "unlabel", "1").code == 0
    assert "There is no label 1" in aion("eval", "unlabel", "1").err
