from __future__ import annotations

from pathlib import Path

import pytest

from aion.store.vectors import Vectors
from tests.rag.conftest import Library


def test_the_right_passage_is_first(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    found = library.retriever.retrieve("t", "A que horas abre o palácio da Pena?")
    assert found.query == "A que horas abre o palácio da Pena?"
    first = found.passages[0]
    assert (first.source, first.title) == ("sintra/pena.html", "Palácio da Pena")
    assert first.text == "Palácio da Pena\nO palácio abre às 9h30."
    assert found.ms > 0


def test_passages_are_numbered_and_scored(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    passages = library.retriever.retrieve("t", "preço do full-day").passages
    assert [passage.n for passage in passages] == [1, 2, 3, 4, 5]
    assert len({passage.chunk_id for passage in passages}) == 5
    assert passages[0].score == max(passage.score for passage in passages)
    assert all(0 <= p.score <= 1 and -1 <= p.cosine <= 1 and p.bm25 >= 0 for p in passages)
    assert any(p.bm25 == 0 for p in passages)


def test_k_limits_the_passages(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    assert len(library.retriever.retrieve("t", "tour", k_nearest=3, k=2).passages) == 2


def test_cosines_are_of_the_stored_vectors(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    question = "tour de quatro horas"
    query = library.embedder.embed_query(question)
    passages = library.retriever.retrieve("t", question, k_nearest=1).passages
    stored = Vectors(library.store).fetch("t", library.embedder.name, [p.chunk_id for p in passages])
    for passage in passages:
        assert passage.cosine == pytest.approx(float(stored[passage.chunk_id] @ query), abs=1e-5)


def test_an_empty_store_and_another_tenant_have_no_passages(library: Library, folder: Path) -> None:
    assert library.retriever.retrieve("t", "tour").passages == ()
    library.ingester.ingest([folder], "t")
    assert library.retriever.retrieve("u", "tour").passages == ()


@pytest.mark.parametrize(
    "question",
    [
        '"tour" AND NOT (NEAR* OR',
        "😀🎉",
        "?",
        "' OR 1=1 --",
        "title:tour ^x",
        "qual é o que",
        "tour " + "palavra " * 10_000,
    ],
)
def test_strange_questions_are_answered(library: Library, folder: Path, question: str) -> None:
    library.ingester.ingest([folder], "t")
    assert len(library.retriever.retrieve("t", question).passages) == 5
