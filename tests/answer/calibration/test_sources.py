from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.answer.calibration.made import content_words, make_question
from aion.answer.calibration.shelf import Shelf
from aion.answer.calibration.sources import from_labels, made
from aion.rag.evaluate.folder import LabelledQuestion
from aion.store.connection import Store
from aion.store.listing import Listing
from aion.store.vectors import Vectors
from tests.rag.hashing import HashingEmbedder
from tests.rag.indexed import put, texts

TEXT = "Guia\nO Palácio da Pena abre às nove horas em todos os dias do verão. Ele fica em Sintra."


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with Store(tmp_path / "aion.db") as store:
        embedder = HashingEmbedder()
        for n in range(8):
            put(store, f"{n}.md", texts(3, first=10 * n), embedder)
        put(store, "twin.md", texts(3), embedder)  # the words of 0.md again
        listing = Listing(store)
        found = Shelf("t", listing, listing.page("t", 100), ("pt",))
        found.place(Vectors(store).fetch("t", "hashing", found.chunk_ids()))
        yield found


def quiet(done: int, total: int) -> None:
    assert done <= total


def test_a_made_question_asks_about_one_sentence() -> None:
    question = make_question(TEXT, "pt", [], Random(1))
    assert question is not None
    said = {word.lower() for word in content_words(TEXT)}
    assert len(said & {word.lower() for word in content_words(question)}) >= 3


@given(st.text(max_size=200), st.integers(0, 1000), st.sampled_from(["pt", "en", ""]))
def test_any_text_makes_a_question_or_none(text: str, seed: int, language: str) -> None:
    question = make_question(text, language, [text], Random(seed))
    assert question is None or question.strip()


def test_made_questions_are_the_same_again_and_asked_with_and_without(shelf: Shelf) -> None:
    asked = made(shelf, 10, 3, quiet)
    assert asked == made(shelf, 10, 3, quiet)
    assert [one.is_answerable for one in asked] == [True, False] * 10
    assert all(bool(one.left_out) != one.is_answerable for one in asked)
    assert len({one.group for one in asked}) == 10


def test_a_labelled_question_loses_its_document_and_its_twins(shelf: Shelf) -> None:
    given_, without = from_labels(shelf, [LabelledQuestion("quanto?", {"twin.md": 1.0})])
    own = {chunk.id for chunk in shelf.listing.chunks("t", 1)}
    assert given_.left_out == {}
    assert set(without.left_out) == own  # the twins are known by the first one's ids
    assert (given_.group, without.group) == (0, 0)


def test_labels_of_documents_that_are_gone_are_passed_over(shelf: Shelf) -> None:
    asked = from_labels(
        shelf, [LabelledQuestion("quanto?", {"gone.md": 1.0})], [LabelledQuestion("quem?", {})]
    )
    assert [(one.question, one.is_answerable, one.group) for one in asked] == [("quem?", False, 1)]


def test_what_is_about_the_same_goes_too_but_never_most_of_it(shelf: Shelf) -> None:
    one = [d for d in shelf.documents if d.source == "3.md"]
    around = shelf.surroundings(one)
    assert one[0] in around
    assert len(around) == len(shelf.documents)  # all have one title
    labels = [LabelledQuestion(f"quanto {n}?", {"3.md": 1.0}) for n in range(4)]
    for asked in from_labels(shelf, labels):
        assert len(asked.left_out) <= shelf.n_chunks / 2


def test_an_empty_shelf_makes_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "empty.db") as store:
        assert made(Shelf("t", Listing(store), (), ("pt",)), 10, 1, quiet) == []
