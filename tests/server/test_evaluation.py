"""The retrieval measured by the product's own parts, with the embedded embedder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from aion.errors import InvalidRequest
from aion.rag.evaluate.folder import QuestionSet, read_folder
from aion.rag.evaluate.own import LABEL
from aion.server.evaluation.retrieval import Report, check_savable, evaluate_folder, evaluate_own, save_weight
from aion.server.evaluation.store import TENANT
from aion.server.library import open_library
from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.evaluations import Evaluations
from aion.store.index import Index
from aion.store.judgments import Judgments
from tests.server.live import SINTRA, settings_in

QUESTIONS = Path(__file__).parents[2] / "examples" / "sintra-questions.jsonl"


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> QuestionSet:
    """The examples as a question set: each document of text or Markdown is a passage of several chunks."""
    folder = tmp_path_factory.mktemp("set")
    files = {path.name: path for path in SINTRA.glob("*.[mt]*") if path.name != "o-que-levar.txt"}
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    asked = [row for row in rows if row["document"] is None or row["document"] in files]
    write(folder / "passages.jsonl", [
        {"id": name, "title": "", "text": path.read_text("utf-8")} for name, path in files.items()
    ])  # fmt: skip
    write(folder / "questions.jsonl", [{"question": r["question"], "passage": r["document"]} for r in asked])
    return read_folder(folder)


def write(path: Path, rows: Sequence[dict[str, object]]) -> None:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")


def silent(_what: str, _done: int, _total: int) -> None:
    pass


def test_a_folder_is_measured_in_all_modes(tmp_path: Path, questions: QuestionSet) -> None:
    kept = tmp_path / "kept" / "eval.db"
    kept.parent.mkdir()
    settings = settings_in(tmp_path)
    report = evaluate_folder(settings, questions, k=10, tunes=True, db=kept, progress=silent)
    figures = report.figures
    assert list(figures) == ["lexical", "dense", "hybrid"]
    assert figures["hybrid"].ndcg >= max(figures["lexical"].ndcg, figures["dense"].ndcg) - 0.05
    assert figures["hybrid"].recall > 0.9
    assert report.n_unanswerable == 6
    assert report.n_chunks > report.n_documents
    assert report.tuning is not None
    assert report.tuning.n_tuned + report.tuning.n_held == len(questions.questions)
    assert not settings.db.exists()  # the operator's store is left alone
    again = evaluate_folder(settings, questions, k=10, modes=["hybrid"], db=kept, progress=silent)
    assert again.figures["hybrid"].ndcg == pytest.approx(figures["hybrid"].ndcg)
    json.dumps(report.to_json(), allow_nan=False)


def test_a_kept_store_follows_the_folder(tmp_path: Path, questions: QuestionSet) -> None:
    fewer = QuestionSet(questions.passages[:2], questions.questions[:1])
    kept = tmp_path / "eval.db"
    settings = settings_in(tmp_path, db=tmp_path / "own.db")
    for asked in (QuestionSet(questions.passages[:4], questions.questions[:1]), fewer):
        evaluate_folder(settings, asked, k=10, modes=["lexical"], db=kept, progress=silent)
    with Store(kept) as store:
        assert {row.source for row in Documents(store).list(TENANT)} == {p.id for p in fewer.passages}


def test_an_evaluation_does_not_touch_a_store_of_documents(tmp_path: Path, questions: QuestionSet) -> None:
    settings = settings_in(tmp_path)
    ingest(tmp_path)
    with pytest.raises(
        InvalidRequest, match="holds documents of tenant 'default'; give the evaluation a file"
    ):
        evaluate_folder(settings, questions, k=10, db=settings.db, progress=silent)
    with Store(settings.db) as store:
        assert Documents(store).count("default") == 2


def test_few_questions_are_not_tuned_on(tmp_path: Path, questions: QuestionSet) -> None:
    few = QuestionSet(questions.passages, questions.questions[:4])
    with pytest.raises(InvalidRequest, match="4 questions are too few to tune on"):
        evaluate_folder(settings_in(tmp_path), few, k=10, tunes=True, progress=silent)


def ingest(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir(exist_ok=True)
    (folder / "full.md").write_text("# Tour full-day\n\nCusta 95 € por adulto.\n")
    (folder / "night.md").write_text("# Tour noturno\n\nComeça às 20h30 e termina às 23h.\n")
    with open_library(settings_in(tmp_path)) as library:
        library.ingester.ingest([folder], "default")


def own(tmp_path: Path) -> Report:
    return evaluate_own(settings_in(tmp_path), k=10, progress=silent)


def test_labelled_questions_are_asked_of_the_operators_documents(tmp_path: Path) -> None:
    ingest(tmp_path)
    with pytest.raises(InvalidRequest, match="No question is labelled yet"):
        own(tmp_path)
    with Store(tmp_path / "aion.db") as store:
        (full, night) = (row.source for row in Documents(store).list("default"))
        Judgments(store).add("default", "Quanto custa o full-day?", full, 1, LABEL)
        Judgments(store).add("default", "Que horas começa o noturno?", night, 1, LABEL)
        Judgments(store).add("default", "Quanto custa o noturno?", "gone.md", 1, LABEL)
    report = own(tmp_path)
    assert report.n_questions == 3
    assert report.figures["lexical"].recall == pytest.approx(2 / 3)
    ingest(tmp_path)
    own(tmp_path)
    with Store(tmp_path / "aion.db") as store:
        history = Evaluations(store).list("default")
    assert [row.mode for row in history] == ["lexical", "dense", "hybrid"] * 2
    assert history[0].figures["recall"] == pytest.approx(2 / 3, abs=1e-3)


def test_figures_without_vectors_say_why(tmp_path: Path) -> None:
    ingest(tmp_path)
    with Store(tmp_path / "aion.db") as store:
        Judgments(store).add("default", "Quanto custa o full-day?", "docs/full.md", 1, LABEL)
        assert own(tmp_path).notice == ""
        Index(store).drop_embedder("aion-embed:256")
    assert "2 of 2 chunks have no vector of aion-embed:256 yet" in own(tmp_path).notice


def test_a_tuned_weight_is_kept_with_the_embedder(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with pytest.raises(InvalidRequest, match="has no vectors of aion-embed:256 to keep a weight"):
        check_savable(settings)
    assert not settings.db.exists()
    ingest(tmp_path)
    check_savable(settings)
    with pytest.raises(InvalidRequest, match="has no vectors of e5 to keep a weight"):
        save_weight(settings, "e5", 0.35)
    save_weight(settings, "aion-embed:256", 0.35)
    with Store(settings.db) as store:
        assert [row.dense_weight for row in Index(store).embedders()] == [0.35]
    scores = []
    for weight in (0.0, 1.0):
        save_weight(settings, "aion-embed:256", weight)
        with open_library(settings) as library:
            found = library.retriever.retrieve("default", "Quanto custa o tour full-day?").passages
            scores.append({passage.source: passage.score for passage in found})
    assert scores[0] != scores[1]  # it is in use
