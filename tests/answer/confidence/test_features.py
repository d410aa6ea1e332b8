from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.answer.confidence.features import DENSE, LEXICAL, RERANK, features
from aion.answer.confidence.question_terms import rarity, terms
from aion.rag.retrieve import Retriever
from aion.store.connection import Store
from aion.store.lexical import Lexical
from aion.store.places import Places
from aion.store.vectors import Vectors
from aion.types import Signals
from tests.rag.hashing import HashingEmbedder
from tests.rag.indexed import put

BODIES = [
    "O tour full-day custa 95 euros. Ele não inclui o ingresso.",
    "O Palácio da Pena abre às nove horas.",
    "O passeio de e-bike pede idade mínima de 14 anos.",
    "A loja vende travesseiros de Sintra.",
]


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Retriever]:
    embedder = HashingEmbedder()
    with Store(tmp_path_factory.mktemp("features") / "aion.db") as store:
        for n, body in enumerate(BODIES):
            put(store, f"{n}.md", [body], embedder)
        yield Retriever(Vectors(store), Lexical(store), Places(store), embedder)


@pytest.fixture(scope="module")
def words_only(retriever: Retriever, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Retriever]:
    with Store(tmp_path_factory.mktemp("words") / "aion.db") as store:
        put(store, "0.md", BODIES, HashingEmbedder())
        yield Retriever(Vectors(store), Lexical(store), Places(store), None)


def of(retriever: Retriever, question: str) -> dict[str, float]:
    return features(retriever.retrieve("t", question))


def test_all_are_there_in_one_order(retriever: Retriever) -> None:
    assert tuple(of(retriever, "quanto custa?")) == (*LEXICAL, *DENSE, *RERANK)


@given(st.text(max_size=80))
def test_any_question_has_finite_ones(retriever: Retriever, question: str) -> None:
    found = of(retriever, question)
    assert all(-1.01 <= found[name] <= 1.01 for name in LEXICAL if name not in ("n_terms", "names_missing"))
    assert all(-1.01 <= found[name] <= 1.01 for name in DENSE)


def test_a_whole_question_in_one_sentence(retriever: Retriever) -> None:
    found = of(retriever, "Quanto custa o tour full-day?")
    assert found["sentence_count"] == found["first_share"] == found["best_topic"] == 1.0
    assert found["missing"] == found["names_missing"] == 0.0
    assert found["phrase"] == pytest.approx(4 / 6)  # "o tour full day" of six words


def test_a_name_that_no_chunk_has_is_missing(retriever: Retriever) -> None:
    found = of(retriever, "Que horas abre o Palácio de Mafra em 2031?")
    assert found["names_missing"] == 2.0
    assert found["missing"] > 0.05
    assert found["best_names"] < 1.0


def test_words_that_no_chunk_has_weigh_most(retriever: Retriever) -> None:
    signals = retriever.retrieve("t", "o tour Ulaanbaatar").signals
    tour, unknown = terms("o tour Ulaanbaatar", signals)
    assert (tour.n_chunks, unknown.n_chunks) == (1, 0)
    assert unknown.weight == pytest.approx(1.0)
    assert 0 < tour.weight < 1
    assert (tour.is_name, unknown.is_name) == (False, True)


def test_a_negation_the_sentence_does_not_have(retriever: Retriever) -> None:
    assert of(retriever, "O que o palácio não abre?")["negated"] == 1.0
    assert of(retriever, "O que ele não inclui, o ingresso?")["negated"] == 0.0
    assert of(retriever, "O que há no palácio?")["negated"] == 0.0


def test_without_an_embedder_there_are_no_cosines(words_only: Retriever) -> None:
    found = of(words_only, "Quanto custa o tour full-day?")
    assert {found[name] for name in DENSE} == {0.0}
    assert found["sentence_count"] == 1.0


def test_a_question_of_small_words_only_has_no_terms(retriever: Retriever) -> None:
    found = of(retriever, "e o que é isso?")
    assert found["n_terms"] == found["sentence_count"] == found["bm25"] == 0.0


@given(st.integers(1, 10**6), st.data())
def test_the_rarer_the_more_it_weighs(n_chunks: int, data: st.DataObject) -> None:
    fewer = data.draw(st.integers(0, n_chunks - 1))
    assert 0 <= rarity(fewer + 1, n_chunks) < rarity(fewer, n_chunks) <= 1


def test_a_long_question_is_not_read_without_end() -> None:
    words = [f"palavra{n}" for n in range(5000)]
    assert len(terms(" ".join(words), Signals(n_chunks=3, stem_counts=dict.fromkeys(words, 0)))) == 64


def test_what_was_not_counted_is_not_missing() -> None:
    assert terms("castelo mouros", Signals(n_chunks=3, stem_counts={"mour": 2}))[0].stems == {"mour"}
