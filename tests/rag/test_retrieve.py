from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aion.rag.retrieve import Retriever
from aion.store.lexical import Lexical
from aion.store.places import Places
from aion.store.vectors import Vectors
from aion.types import Filters
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
        " ".join(f"palavra{n}" for n in range(10_000)),
        "tour\0 pena",
        "",
    ],
)
def test_strange_questions_are_answered(library: Library, folder: Path, question: str) -> None:
    library.ingester.ingest([folder], "t")
    assert len(library.retriever.retrieve("t", question).passages) == 5


def test_a_passage_says_why_it_was_chosen(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    found = library.retriever.retrieve("t", "Quanto custa o tour full-day?")
    first = found.passages[0]
    assert found.stems == ("cust", "tour", "full", "day", "fullday")
    assert set(first.stems) <= set(found.stems)
    assert first.stems
    assert all((p.lexical_rank is None) == (p.bm25 == 0) for p in found.passages)
    assert {p.dense_rank for p in found.passages} == {1, 2, 3, 4, 5}
    assert all(0 <= p.wording <= 1 for p in found.passages)
    assert [name for name, _ in found.stages] == ["embed", "lexical", "dense", "wording", "choose", "signals"]
    assert sum(ms for _, ms in found.stages) == pytest.approx(found.ms, rel=0.01)


def test_without_an_embedder_words_alone_are_searched(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    library.retriever.use(None)
    found = library.retriever.retrieve("t", "A que horas abre o palácio da Pena?")
    assert found.passages[0].source == "sintra/pena.html"
    assert all(p.bm25 > 0 and p.cosine == 0 and p.dense_rank is None for p in found.passages)
    assert [name for name, _ in found.stages] == ["lexical", "wording", "choose", "signals"]
    assert library.retriever.retrieve("t", "xyz").passages == ()


class ShortestFirst:
    """`Reranker` that likes short texts."""

    name = "shortest"

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:  # noqa: ARG002
        return np.array([1 / (1 + len(text)) for text in texts], dtype=np.float32)


def test_a_reranker_has_the_last_word(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    retriever = Retriever(
        Vectors(library.store), Lexical(library.store), Places(library.store), library.embedder,
        mmr_lambda=1.0, reranker=ShortestFirst(),
    )  # fmt: skip
    found = retriever.retrieve("t", "tour")
    lengths = [len(passage.text) for passage in found.passages]
    assert lengths == sorted(lengths)
    assert all(p.rerank == pytest.approx(1 / (1 + len(p.text))) for p in found.passages)
    assert "rerank" in [name for name, _ in found.stages]


def test_filters_hold_in_both_searches(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    found = library.retriever.retrieve("t", "tour", filters=Filters(source="sintra/half-day.txt"))
    assert {passage.source for passage in found.passages} == {"sintra/half-day.txt"}


def test_nearly_the_same_is_shown_once_but_every_number(library: Library, tmp_path: Path) -> None:
    body = "O tour de dia inteiro sai da praça, passa pelo palácio da pena e pela quinta, almoça em colares"
    for name, end in (("a", " e volta."), ("b", " e volta já."), ("c", " e volta às 18h.")):
        (tmp_path / f"{name}.txt").write_text(f"{body}{end}")
    library.ingester.ingest([tmp_path], "t")
    found = library.retriever.retrieve("t", "O que inclui o tour de dia inteiro?")
    assert found.n_similar == 1
    assert len(found.passages) == 2
    assert any("18h" in passage.text for passage in found.passages)


def test_english_documents_are_found_by_english_stems(library: Library, tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("The guides are waiting for you at the station of the town every day.")
    (tmp_path / "pt.txt").write_text("Os guias esperam por si na estação da vila e o bilhete é da casa.")
    library.ingester.ingest([tmp_path], "t")
    library.retriever.use(None)
    first = library.retriever.retrieve("t", "Where does the guide wait?").passages[0]
    assert first.source.endswith("en.txt")
    assert set(first.stems) == {"guid", "wait"}


def test_searches_go_on_while_documents_come_and_go(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    failures: list[BaseException] = []

    def search() -> None:
        try:
            for _ in range(30):
                assert library.retriever.retrieve("t", "tour full-day").passages
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(15):
        (folder / "novo.txt").write_text(f"O tour full-day número {n} sai às {n} horas da praça.")
        library.ingester.ingest([folder], "t")
    for thread in threads:
        thread.join()
    assert failures == []
