"""The answers measured by the product's own parts, with the embedded models."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from aion.answer.confidence.features import features
from aion.errors import InvalidRequest
from aion.rag.evaluate.folder import LabelledPassage, LabelledQuestion, QuestionSet
from aion.server.evaluation.answers import AnswerReport, evaluate_answers
from aion.server.evaluation.store import TENANT
from aion.server.library import open_library
from aion.store.calibrations import Calibrations
from aion.store.connection import Store
from aion.types import Retrieval
from tests.server.live import settings_in

TEXTS = {
    "full.md": "O tour full-day dura oito horas e custa 95 € por adulto.",
    "half.md": "O tour half-day dura quatro horas e custa 55 € por adulto.",
    "pena.md": "O Palácio da Pena abre às 9h30 e fecha às 18h30 todos os dias.",
}
QUESTIONS = QuestionSet(
    tuple(LabelledPassage(id_, "", text) for id_, text in TEXTS.items()),
    (
        LabelledQuestion("Quanto custa o tour full-day?", {"full.md": 1.0}, ("95 €",)),
        LabelledQuestion("Quantas horas dura o tour half-day?", {"half.md": 1.0}, ("quatro horas",)),
        LabelledQuestion("A que horas abre o Palácio da Pena?", {"pena.md": 1.0}, ("9h30",)),
    ),
    (LabelledQuestion("Quem venceu o campeonato de xadrez?", {}),),
)
Steps = list[tuple[str, int, int]]


def measured(tmp_path: Path, questions: QuestionSet = QUESTIONS, **how: object) -> tuple[AnswerReport, Steps]:
    steps: Steps = []

    def progress(what: str, done: int, total: int) -> None:
        steps.append((what, done, total))

    settings = settings_in(tmp_path)
    report = evaluate_answers(settings, questions, progress=progress, **how)  # type: ignore[arg-type]
    return report, steps


def test_answers_are_measured_in_a_store_of_their_own(tmp_path: Path) -> None:
    report, steps = measured(tmp_path, tau=0.0)
    figures = report.figures
    assert (figures.n_questions, figures.n_answerable, figures.n_failed) == (4, 3, 0)
    assert figures.right_first == figures.right_among == 1.0
    assert figures.cites_right is not None
    assert figures.cites_right >= 2 / 3
    assert figures.has_gold is not None
    assert figures.refused_wrong == 0.0
    assert figures.auroc == 1.0
    assert next(iter(figures.ms)) == "retrieval"
    assert {"generation", "total"} <= set(figures.ms)
    assert steps[0] == ("passages", 0, 3)
    assert steps[-1] == ("answers", 4, 4)
    assert not settings_in(tmp_path).db.exists()
    json.dumps(report.to_json(), allow_nan=False)


def test_a_run_goes_on_where_another_ended(tmp_path: Path) -> None:
    kept, records = tmp_path / "eval.db", tmp_path / "answers.jsonl"
    first, _ = measured(tmp_path, limit=2, db=kept, out=records)
    assert (first.n_asked, len(records.read_text("utf-8").splitlines())) == (2, 3)
    whole, steps = measured(tmp_path, db=kept, out=records)
    assert [done for what, done, _ in steps if what == "answers"] == [2, 3, 4]
    assert (whole.n_asked, len(records.read_text("utf-8").splitlines())) == (4, 5)
    assert whole.figures.refused_right == 1.0
    with pytest.raises(InvalidRequest, match=r"of a run with tau 0\.62, and this one has 0\.1"):
        measured(tmp_path, tau=0.1, db=kept, out=records)


def test_ctrl_c_gives_the_figures_so_far(tmp_path: Path) -> None:
    def progress(what: str, done: int, _total: int) -> None:
        if (what, done) == ("answers", 2):
            signal.raise_signal(signal.SIGINT)

    records = tmp_path / "answers.jsonl"
    report = evaluate_answers(settings_in(tmp_path), QUESTIONS, out=records, progress=progress)
    assert (report.n_asked, report.n_questions, report.figures.n_questions) == (2, 4, 2)
    assert len(records.read_text("utf-8").splitlines()) == 3


def test_no_paid_model_is_asked_and_the_own_calibration_counts(tmp_path: Path) -> None:
    name = next(iter(features(Retrieval("", ()))))
    model = {"names": [name], "means": [0.0], "scales": [1.0], "weights": [0.0], "bias": -20.0}
    settings = settings_in(
        tmp_path, fallback="on", fallback_api_key="k", fallback_model="m", fallback_prices="m=1/1"
    )
    with open_library(settings) as library:
        Calibrations(library.store).add(
            settings.tenant, library.embedder.name, "", origin="test", n_answerable=1, n_unanswerable=1,
            model=model, figures={},
        )  # fmt: skip
    kept = tmp_path / "eval.db"
    report = evaluate_answers(settings, QUESTIONS, db=kept, progress=lambda *_: None)
    assert report.figures.refused_wrong == 1.0  # it is sure of nothing
    with Store(kept) as store:
        assert len(Calibrations(store).list(TENANT)) == 1
    assert "fallback" not in report.figures.ms
