"""Confidence over the example documents: what they answer, what they nearly answer, and what they do not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aion.answer.calibration.figures import measured
from aion.answer.confidence.judges import Calibrated, MeanCosine, prior
from aion.errors import InvalidRequest
from aion.server.evaluation.calibration import calibrate_own, history, reset, stale_notice
from aion.server.library import Library, open_library
from aion.settings import Settings
from aion.store.calibrations import Calibrations
from aion.store.judgments import Judgments
from tests.server.live import settings_in

EXAMPLES = Path(__file__).parents[2] / "examples"
OFF_TOPIC = """
    Qual é a capital da Mongólia?
    Quem escreveu Dom Casmurro?
    Como faço um bolo de cenoura?
    quantos gols o Pelé marcou?
    Explique a fotossíntese
    Como declarar imposto de renda no Brasil?
    Qual a população de Tóquio?
    me recomenda um filme de terror
    Qual o melhor remédio para dor de cabeça?
    Quem descobriu a penicilina?
    como trocar o pneu de uma moto
    Em que ano caiu o Muro de Berlim?
    xablau blorp fnord
    asdf qwer zxcv
    What is the boiling point of mercury?
    Who won the 1998 World Cup?
    How do I change a flat tyre on a motorcycle?
    Who painted the Mona Lisa?
    How many legs does a spider have?
    What is the best programming language for machine learning?
    Is there a direct flight from New York to Tokyo?
    Why is the sky blue?
"""


def off_topic() -> list[str]:
    return [line.strip() for line in OFF_TOPIC.strip().splitlines()]


def questions() -> tuple[list[tuple[str, str]], list[str]]:
    """(question, document) of those that are answered, and the others, which are about the same things."""
    lines = (EXAMPLES / "sintra-questions.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    answered = [(one["question"], one["document"]) for one in found if one["document"]]
    return answered, [one["question"] for one in found if not one["document"]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_in(tmp_path_factory.mktemp("calibration"))


@pytest.fixture(scope="module")
def library(settings: Settings) -> Iterator[Library]:
    with open_library(settings) as opened:
        opened.ingester.ingest([EXAMPLES / "sintra"], settings.tenant)
        yield opened


@pytest.fixture(autouse=True)
def forgotten(settings: Settings, library: Library) -> Iterator[None]:
    yield
    Calibrations(library.store).remove_all(settings.tenant)
    for judgment in Judgments(library.store).list(settings.tenant):
        Judgments(library.store).remove(settings.tenant, judgment.id)


def test_twenty_documents_answer_what_they_answer(settings: Settings, library: Library) -> None:
    answered, near = questions()
    asked = [(question, True) for question, _ in answered] + [(question, False) for question in off_topic()]
    found = [
        (library.retriever.retrieve(settings.tenant, question), is_right) for question, is_right in asked
    ]
    truth = [is_right for _, is_right in found]
    judge = Calibrated(Calibrations(library.store))
    ours = measured(truth, [judge.confidence(settings.tenant, one) for one, _ in found], 0.62)
    theirs = measured(truth, [MeanCosine().confidence(settings.tenant, one) for one, _ in found], 0.62)
    assert ours.auroc > max(0.97, theirs.auroc + 0.1)
    assert ours.ece < min(0.1, theirs.ece - 0.1)
    assert ours.passed > 0.8
    assert ours.passed_wrongly < 0.1
    nearly = [judge.confidence(settings.tenant, library.retriever.retrieve(settings.tenant, q)) for q in near]
    assert sum(c < 0.62 for c in nearly) >= 4  # of six


def test_made_questions_are_asked_and_what_is_no_better_is_not_kept(
    settings: Settings, library: Library
) -> None:
    told: list[tuple[str, int, int]] = []
    outcome = calibrate_own(settings, "made", 40, lambda *one: told.append(one))
    assert (outcome.origin, outcome.embedder, outcome.was) == ("made", library.embedder.name, "prior")
    assert outcome.n_documents == 22
    assert outcome.trial.fitted.n_answerable >= 20
    assert told[-1][1] == told[-1][2]
    known = dict(zip(outcome.trial.model.names, outcome.trial.model.weights, strict=True))
    first = prior("")
    assert all(known[name] == weight for name, weight in zip(first.names, first.weights, strict=True))
    assert outcome.is_kept == outcome.trial.is_better == bool(history(settings))


def test_labelled_questions_outrank_made_ones(settings: Settings, library: Library) -> None:
    judgments = Judgments(library.store)
    answered, _ = questions()
    sources = {Path(row.source).name: row.source for row in library.documents.list(settings.tenant)}
    for question, document in answered:
        judgments.add(settings.tenant, question, sources[document], 1.0, "label")
    outcome = calibrate_own(settings, None, 40, lambda *_: None)
    assert outcome.origin == "labels"
    assert outcome.trial.fitted.n_answerable == len(answered)
    assert outcome.trial.fitted.n_unanswerable == len(answered)
    if not outcome.is_kept:
        keep(library, settings, library.embedder.name)
    with pytest.raises(InvalidRequest, match="made ones"):
        calibrate_own(settings, "made", 40, lambda *_: None)
    assert reset(settings) == 1
    assert history(settings) == ()


def test_too_few_questions_are_refused(settings: Settings, library: Library) -> None:
    assert library.documents.count(settings.tenant)
    with pytest.raises(InvalidRequest, match="0 questions with an answer"):
        calibrate_own(settings, "labels", 40, lambda *_: None)


def keep(library: Library, settings: Settings, embedder: str) -> None:
    Calibrations(library.store).add(
        settings.tenant, embedder, "", origin="labels", n_answerable=20, n_unanswerable=20,
        model=prior("").to_json(), figures={},
    )  # fmt: skip


def test_a_calibration_of_another_embedder_is_said_to_be_stale(settings: Settings, library: Library) -> None:
    assert stale_notice(settings, library) == ""
    keep(library, settings, "another-embedder")
    assert "another-embedder" in stale_notice(settings, library)
    assert "aion calibrate" in stale_notice(settings, library)
    assert stale_notice(settings.model_copy(update={"confidence": "mean-cosine"}), library) == ""
    keep(library, settings, library.embedder.name)
    assert stale_notice(settings, library) == ""
