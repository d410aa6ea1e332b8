"""C = clamp((mean(cosines) + 1) / 2, 0, 1), section 4; and the probability that takes its place."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.answer.confidence.features import LEXICAL, SIGNS
from aion.answer.confidence.judges import Calibrated, MeanCosine, mean_cosine_confidence, prior
from aion.answer.confidence.logistic import Logistic
from aion.errors import AionError
from aion.rag.retrieve import Retriever
from aion.store.calibrations import Calibrations
from aion.store.connection import Store
from aion.store.lexical import Lexical
from aion.store.places import Places
from aion.store.vectors import Vectors
from aion.types import Retrieval
from tests.answer.fakes import passage
from tests.rag.hashing import HashingEmbedder
from tests.rag.indexed import put

COSINES = st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=8)
BODIES = [
    "O tour full-day custa 95 euros e dura oito horas.",
    "O Palácio da Pena abre às nove horas.",
    "O passeio de e-bike pede idade mínima de 14 anos.",
]


@given(COSINES)
def test_it_is_the_formula(cosines: list[float]) -> None:
    assert mean_cosine_confidence(cosines) == pytest.approx((statistics.fmean(cosines) + 1) / 2)


@given(st.lists(st.floats(-1e6, 1e6), max_size=8))
def test_it_is_clamped_to_the_unit_interval(cosines: list[float]) -> None:
    assert 0.0 <= mean_cosine_confidence(cosines) <= 1.0


@given(COSINES, st.randoms())
def test_the_order_does_not_matter(cosines: list[float], random: object) -> None:
    assert mean_cosine_confidence(cosines) == pytest.approx(mean_cosine_confidence(sorted(cosines)))


@pytest.mark.parametrize(
    ("cosines", "c"), [([], 0.0), ([1.0], 1.0), ([-1.0], 0.0), ([0.0], 0.5), ([0.2, 0.28], 0.62)]
)
def test_values(cosines: list[float], c: float) -> None:
    assert mean_cosine_confidence(cosines) == pytest.approx(c)


def test_mean_cosine_takes_the_chosen_passages() -> None:
    found = Retrieval("quanto?", (passage(1, 0.2), passage(2, 0.28)))
    assert MeanCosine().confidence("t", found) == pytest.approx(0.62)
    assert MeanCosine().method == "mean-cosine"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "aion.db") as opened:
        yield opened


@pytest.fixture
def retriever(store: Store) -> Retriever:
    embedder = HashingEmbedder()
    for n, body in enumerate(BODIES):
        put(store, f"{n}.md", [body], embedder)
    return Retriever(Vectors(store), Lexical(store), Places(store), embedder)


@pytest.fixture
def calibrated(store: Store) -> Calibrated:
    return Calibrated(Calibrations(store))


def test_the_prior_knows_an_answer_from_none(retriever: Retriever, calibrated: Calibrated) -> None:
    def c(question: str) -> float:
        return calibrated.confidence("t", retriever.retrieve("t", question))

    assert c("Quanto custa o tour full-day?") > 0.9
    assert c("que horas abre o palacio da pena") > 0.9
    assert c("Qual é a capital da Mongólia?") < 0.1
    assert c("asdf qwer") < 0.1


def test_nothing_found_is_no_confidence(store: Store, calibrated: Calibrated) -> None:
    words = Retriever(Vectors(store), Lexical(store), Places(store), None)
    assert calibrated.confidence("t", words.retrieve("t", "quanto custa?")) == 0.0


def test_a_retrieval_without_signals_is_judged(calibrated: Calibrated) -> None:
    assert 0.0 <= calibrated.confidence("t", Retrieval("quanto custa?", (passage(1),))) <= 1.0


def sure_of(value: float) -> dict[str, object]:
    return Logistic(("wording",), (0.0,), (1.0,), (0.0,), value).to_json()


def keep(store: Store, model: dict[str, object], tenant: str = "t", embedder: str = "hashing") -> None:
    Calibrations(store).add(
        tenant, embedder, "", origin="made", n_answerable=1, n_unanswerable=1, model=model, figures={}
    )


def test_the_newest_calibration_of_tenant_and_models_judges(
    store: Store, retriever: Retriever, calibrated: Calibrated
) -> None:
    found = retriever.retrieve("t", "Quanto custa o tour full-day?")
    before = calibrated.confidence("t", found)
    keep(store, sure_of(-9.0), tenant="u")
    keep(store, sure_of(-9.0), embedder="another")
    assert calibrated.confidence("t", found) == before
    keep(store, sure_of(9.0))
    keep(store, sure_of(-9.0))
    assert calibrated.confidence("t", found) < 0.001
    words_only = replace(found, signals=replace(found.signals, embedder=""))
    assert calibrated.confidence("t", words_only) == pytest.approx(before, abs=0.01)
    Calibrations(store).remove_all("t")
    assert calibrated.confidence("t", found) == before


def test_what_another_process_calibrates_is_seen(
    store: Store, retriever: Retriever, calibrated: Calibrated
) -> None:
    found = retriever.retrieve("t", "Quanto custa o tour full-day?")
    assert calibrated.confidence("t", found) > 0.9
    with Store(store.path) as other:
        keep(other, sure_of(-9.0))
    assert calibrated.confidence("t", found) < 0.001


@pytest.mark.parametrize("broken", [{"names": ["wording"]}, sure_of(0.0) | {"names": ["gone"]}])
def test_a_calibration_that_cannot_be_used_leaves_the_prior(
    store: Store, retriever: Retriever, calibrated: Calibrated, broken: dict[str, object],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    found = retriever.retrieve("t", "Quanto custa o tour full-day?")
    before = calibrated.confidence("t", found)
    keep(store, broken)
    assert calibrated.confidence("t", found) == before
    assert "aion calibrate" in caplog.text


def test_the_prior_speaks_the_features_of_words_in_their_direction() -> None:
    model = prior("any embedder")
    assert set(model.names) <= set(LEXICAL)
    for name, weight in zip(model.names, model.weights, strict=True):
        assert weight * SIGNS.get(name, 0) >= 0


@given(st.floats(-1e9, 1e9), st.floats(-1e3, 1e3))
def test_a_probability_is_one_whatever_comes(value: float, weight: float) -> None:
    model = Logistic(("wording",), (0.5,), (0.1,), (weight,), 0.0)
    assert 0.0 <= model.probability({"wording": value}) <= 1.0


def test_a_model_is_what_was_written() -> None:
    model = prior("")
    assert Logistic.from_json(model.to_json()) == model


@pytest.mark.parametrize("change", [{"bias": "x"}, {"scales": []}, {"weights": None}, {"means": ["y"]}])
def test_a_wrong_model_is_named(change: dict[str, object]) -> None:
    with pytest.raises(AionError, match="aion calibrate"):
        Logistic.from_json(prior("").to_json() | change)
