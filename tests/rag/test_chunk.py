from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.rag.chunk import chunk, n_words
from aion.types import LoadedDocument, Section


def document(*sections: Section, title: str = "Guia") -> LoadedDocument:
    return LoadedDocument("guia.md", title, sections, "hash", 1)


def bodies(text: str, max_words: int) -> list[str]:
    return [piece.text.partition("\n")[2] for piece in chunk(document(Section((), text, 1)), max_words)]


def test_a_chunk_begins_with_its_heading_path() -> None:
    (piece,) = chunk(document(Section(("Guia", "Preços", "Adulto"), "Custa 95 €.", 7)), 120)
    assert (piece.title, piece.text, piece.line) == ("Guia", "Guia › Preços › Adulto\nCusta 95 €.", 7)
    (piece,) = chunk(document(Section(("Preços",), "Custa 95 €.", 7)), 120)
    assert piece.text == "Guia › Preços\nCusta 95 €."


def test_sections_are_never_joined_and_short_blocks_are() -> None:
    pieces = chunk(document(Section(("A",), "um\n\ndois\n\n- três", 1), Section(("B",), "quatro", 8)), 20)
    assert [piece.text for piece in pieces] == ["Guia › A\num\n\ndois\n\n- três", "Guia › B\nquatro"]


def test_a_section_without_text_is_its_path() -> None:
    (piece,) = chunk(document(Section(("Fecha às segundas",), "", 3)), 20)
    assert piece.text == "Guia › Fecha às segundas"


def test_a_long_section_is_cut_evenly_between_blocks() -> None:
    paragraphs = [f"Parágrafo {n} com mais algumas palavras ao todo." for n in range(8)]
    assert bodies("\n\n".join(paragraphs), 40) == ["\n\n".join(paragraphs[:4]), "\n\n".join(paragraphs[4:])]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    sentences = [f"A frase {n} tem seis palavras." for n in range(4)]
    assert bodies(" ".join(sentences), 14) == [" ".join(sentences[:2]), " ".join(sentences[2:])]


def test_items_and_rows_stay_whole() -> None:
    items = [f"- item {n} com a sua\n  segunda linha aqui." for n in range(3)]
    assert bodies("\n".join(items), 10) == items
    rows = [f"| linha {n} | um dois três |" for n in range(3)]
    assert bodies("\n".join(rows), 10) == rows


def test_lines_are_where_the_chunks_begin() -> None:
    text = "um dois três.\nQuatro cinco seis.\n\nSete oito nove."
    pieces = chunk(document(Section((), text, 10)), 3)
    assert [piece.line for piece in pieces] == [10, 11, 13]


@pytest.mark.parametrize("text", ["palavra " * 1000, "x" * 30_000, "a" * 500 + " b " + "c" * 500])
def test_what_has_no_sentences_is_cut_all_the_same(text: str) -> None:
    pieces = bodies(text, 50)
    assert all(n_words(piece) <= 50 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_no_chunk_has_more_tokens_than_allowed() -> None:
    text = "Uma frase de sete palavras ao todo. " * 60
    pieces = chunk(document(Section(("Preços",), text, 1)), 120, count_tokens=len, max_tokens=200)
    assert max(len(piece.text) for piece in pieces) <= 200
    assert sum(piece.text.count("frase") for piece in pieces) == 60


def test_a_path_leaves_half_of_the_tokens_to_the_text() -> None:
    headings = ("Guia", "a" * 90, "b" * 30, "c" * 30)
    pieces = chunk(document(Section(headings, "palavra " * 60, 1)), 120, count_tokens=len, max_tokens=200)
    assert {piece.text.partition("\n")[0] for piece in pieces} == {f"{'b' * 30} › {'c' * 30}"}


WORDS = st.sampled_from(
    ["um", "Dois.", "três,", "Sr.", "- item", "| a |", "1. b", "```", "# x", "😀", "longa" * 30]
)
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "\n", "\n\n", "  ", "\n \n"])), max_size=80)


@given(TEXTS, st.integers(1, 30))
def test_every_word_is_kept_in_order(parts: list[tuple[str, str]], max_words: int) -> None:
    text = "".join(word + space for word, space in parts).strip()
    pieces = bodies(text, max_words)
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", text)
    assert all(n_words(piece) <= max_words for piece in pieces)
    if max_words >= n_words("longa" * 30):
        assert " ".join(pieces).split() == text.split()
