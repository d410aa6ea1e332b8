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


def test_a_list_of_very_many_items_is_cut_in_fair_time() -> None:
    items = "\n".join(f"- {n}" for n in range(60_000))
    assert "\n".join(bodies(items, 120)) == items


def test_a_row_of_many_spaces_is_looked_at_in_fair_time() -> None:
    rows = ["| a |", "|-|" + " " * 300_000 + "x", "| b |", "| c |"]
    assert [word for body in bodies("\n".join(rows), 20) for word in body.split()] == " ".join(rows).split()


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


def test_a_table_that_fits_is_not_cut() -> None:
    table = "| a | b |\n|---|---|\n| um | dois |\n| três | quatro |"
    text = f"Um parágrafo de sete palavras ao todo.\n\n{table}\n\nOutro parágrafo de sete palavras ao todo."
    assert table in bodies(text, 20)


def test_a_table_that_is_cut_has_its_header_in_every_chunk() -> None:
    header = "| tour | preço |\n| --- | ---: |"
    rows = [f"| tour número {n} | {n} euros |" for n in range(9)]
    pieces = bodies("\n".join([header, *rows]), 30)
    assert len(pieces) > 1
    assert all(piece.startswith(f"{header}\n| tour número") for piece in pieces)
    assert [row for piece in pieces for row in piece.split("\n")[2:]] == rows


def test_a_list_that_fits_is_not_cut_and_keeps_what_announces_it() -> None:
    listed = "O preço inclui:\n\n- almoço em Sintra\n\n  com vinho\n- guia todo o dia\n- bilhetes"
    before = "Um parágrafo que vem antes da lista e tem doze palavras assim."
    assert bodies(f"{before}\n\n{listed}", 18) == [before, listed]


def test_what_continues_an_item_stays_with_it() -> None:
    items = [f"{n}. item {n} que tem\n\n   um segundo parágrafo" for n in range(1, 4)]
    assert bodies("\n".join(items), 9) == items


def test_code_is_whole_or_cut_between_lines() -> None:
    code = "```\nlinha um aqui\n\nlinha dois aqui\nlinha três aqui\n```"
    assert code in bodies(f"Antes vem texto com mais palavras.\n\n{code}\n\nDepois vem mais texto.", 12)
    assert bodies(code, 7) == ["```\nlinha um aqui\n\nlinha dois aqui", "linha três aqui\n```"]


def test_the_page_is_that_of_the_section() -> None:
    pieces = chunk(document(Section(("A",), "um dois. Três quatro.", 1, page=7)), 2)
    assert [piece.page for piece in pieces] == [7, 7]


def test_abbreviations_do_not_end_sentences() -> None:
    text = "O Sr. Dr. A. Silva mora na Av. da Liberdade, n.º 3, 2.º dto. O resto da frase vem depois."
    assert bodies(text, 14) == [text[: text.index(" O resto")], "O resto da frase vem depois."]


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


def test_a_heading_too_long_for_a_path_is_text() -> None:
    heading = " ".join(f"palavra{n}" for n in range(60))
    pieces = chunk(document(Section((heading,), "Fim.", 1)), 40, count_tokens=len, max_tokens=200)
    assert all(len(piece.text) <= 200 for piece in pieces)
    assert {piece.text.partition("\n")[0] for piece in pieces} == {heading[: len(heading) // 8] + "…"}
    below = " ".join(piece.text.partition("\n")[2] for piece in pieces)
    assert below.split() == [*heading.split(), "Fim."]


def test_a_table_is_cut_by_tokens_too_and_keeps_its_header() -> None:
    rows = [f"| {n} | palavra{n} |" for n in range(20)]
    table = "\n".join(["| a | b |", "|---|---|", *rows])
    pieces = chunk(document(Section((), table, 1)), 120, count_tokens=len, max_tokens=150)
    assert all(len(piece.text) <= 150 and "|---|---|\n| " in piece.text for piece in pieces)
    assert [line for piece in pieces for line in piece.text.split("\n")[3:]] == rows


def test_each_chunk_is_counted_once_where_all_fit() -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return 1

    text = "Uma frase de sete palavras ao todo. " * 60
    pieces = chunk(document(Section((), text, 1)), 120, count_tokens=count, max_tokens=100)
    assert [piece.text for piece in pieces] == counted[1:]  # the first was the path


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
    pieces = bodies(text, max_words)  # no table here has a header that would be there twice
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", text)
    assert all(n_words(piece) <= max_words for piece in pieces)
    if max_words >= n_words("longa" * 30):
        assert " ".join(pieces).split() == text.split()
