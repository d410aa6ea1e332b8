"""Leaving chunks out finds what a store finds that never had them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aion.answer.calibration.left_out import LeftOut, LexicalWithout, VectorsWithout
from aion.answer.confidence.features import features
from aion.rag.retrieve import Retriever
from aion.rag.stem import stems
from aion.store.connection import Store
from aion.store.lexical import Lexical
from aion.store.listing import Listing
from aion.store.places import Places
from aion.store.vectors import Vectors
from tests.rag.hashing import HashingEmbedder
from tests.rag.indexed import put, texts

BODIES = texts(120)
QUESTIONS = ("Quanto dura o tour da Pena?", "almoço com guia 7", "chuva na praia", "trem de noite 99")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "aion.db") as opened:
        yield opened


@pytest.fixture
def without(store: Store, tmp_path: Path) -> Iterator[tuple[Retriever, LeftOut, Retriever]]:
    """A retriever over all that leaves the first document out, and one over a store without it."""
    embedder = HashingEmbedder()
    first, second = BODIES[:70], BODIES[70:]
    put(store, "first.md", first, embedder)
    put(store, "second.md", second, embedder)
    left_out = LeftOut()
    vectors, lexical = VectorsWithout(store), LexicalWithout(store)
    vectors.left_out = lexical.left_out = left_out
    chunks = [c for n in (1, 2) for c in Listing(store).chunks("t", n)]
    vectors.chunk_ids = [chunk.id for chunk in chunks]
    left_out.use({c.id: frozenset(stems(f"Guia\n{c.text}")) for c in chunks[:70]})
    with Store(tmp_path / "other.db") as other:
        put(other, "second.md", second, embedder)
        yield (
            Retriever(vectors, lexical, Places(store), embedder),
            left_out,
            Retriever(Vectors(other), Lexical(other), Places(other), embedder),
        )


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_is_as_if_it_had_never_been_there(
    without: tuple[Retriever, LeftOut, Retriever], question: str
) -> None:
    retriever, _, other = without
    here, there = retriever.retrieve("t", question), other.retrieve("t", question)
    assert {passage.source for passage in here.passages} == {"second.md"}
    assert here.signals.n_chunks == there.signals.n_chunks == 50
    assert here.signals.stem_counts == there.signals.stem_counts
    assert here.signals.cosines == pytest.approx(there.signals.cosines, abs=1e-6)
    mine, theirs = features(here), features(there)
    # BM25 still counts what is left out in its document frequencies; all else is equal.
    for name in ("missing", "names_missing", "n_terms", "n_chunks", "cosine_best"):
        assert mine[name] == pytest.approx(theirs[name], abs=1e-6)


def test_all_can_be_left_out_and_come_back(without: tuple[Retriever, LeftOut, Retriever]) -> None:
    retriever, left_out, _ = without
    left_out.use({id_: frozenset() for id_ in range(1, 200)})
    assert retriever.retrieve("t", QUESTIONS[0]).passages == ()
    left_out.use({})
    assert {p.source for p in retriever.retrieve("t", QUESTIONS[0]).passages} == {"first.md", "second.md"}
