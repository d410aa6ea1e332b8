from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.rag import stem
from aion.rag.stem import question_stems, stem_text, stems


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("informação", "informacao"),
        ("EXCURSÕES", "excursoes"),
        ("distância", "distancia"),
        ("preços", "preço"),
        ("cancelamentos", "Cancelamento"),
        ("9h30", "9:30"),
        ("1.250", "1250"),
        ("nº 5", "n.º 5"),
    ],
)
def test_what_means_the_same_has_the_same_stems(one: str, other: str) -> None:
    assert stems(one)[-1] == stems(other)[-1]


def test_a_hyphenated_word_is_its_parts_and_the_whole() -> None:
    assert stems("full-day") == ["full", "day", "fullday"]


def test_stop_words_go_unless_they_are_all_there_is() -> None:
    assert stems("qual é o preço do tour?") == ["prec", "tour"]
    assert stems("que é isso?") != []


@pytest.mark.parametrize("text", ["", " ", "?!…", "😀🎉", "\ud800", "\0", "___", "---"])
def test_without_words_there_are_no_stems(text: str) -> None:
    assert stems(text) == []


LETTERS = st.text("abcdefghijlmnopqrstuvxzáàâãçéêíóôõúü ,.-0123456789", max_size=60)


@given(LETTERS)
def test_case_and_composition_do_not_count(text: str) -> None:
    assert stems(text.upper()) == stems(text) == stems(unicodedata.normalize("NFD", text))


@given(st.text(max_size=60))
def test_stems_are_single_lower_words_without_accents(text: str) -> None:
    for found in stems(text):
        assert found
        assert not any(char.isspace() or char == '"' or unicodedata.combining(char) for char in found)


def test_threads_get_the_same_stems() -> None:
    text = "As excursões guiadas começam diariamente na estação de Sintra"
    with ThreadPoolExecutor(4) as pool:
        assert len({tuple(found) for found in pool.map(stems, [text] * 200)}) == 1


def test_english_has_its_own_stems_and_stop_words() -> None:
    assert stems("The guided tours are running daily", "en") == ["guid", "tour", "run", "daili"]
    assert stems("as visitas guiadas", "") == stems("as visitas guiadas", "pt") == ["visit", "gui"]


def test_a_question_is_stemmed_in_all_languages_of_the_documents() -> None:
    assert question_stems("guided tours", ["pt", "en"]) == ["guided", "tours", "guid", "tour"]
    assert question_stems("tour tour", ["pt", "en"]) == ["tour"]


@given(st.lists(LETTERS, max_size=5))
def test_stems_of_a_text_are_those_of_its_pieces(pieces: list[str]) -> None:
    found = [*chain.from_iterable(stem_text(piece).split() for piece in pieces)]
    kept = stems(" ".join(pieces))
    assert set(kept) <= set(found)


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stem, "_MAX_REMEMBERED", 10)
    words = [f"nuncavist{n}" for n in range(50)]
    assert stems(" ".join(words)) == words
    assert len(stem._CONTENT["pt"]) <= 10


def test_a_word_of_a_million_letters_is_cut_and_not_remembered() -> None:
    long = "x" * 1_000_000
    assert len(stems(long)[0]) <= 64
    assert long not in stem._CONTENT["pt"]
