from __future__ import annotations

import pytest

from aion.errors import DocumentError
from aion.rag.readers.pdf import read
from aion.types import Section
from tests.rag.readers.pdf_file import Line, lines, pdf


def texts(*pages: list[Line]) -> list[str]:
    return [section.text for section in read(pdf(list(pages)), "a.pdf").sections]


def test_pages_and_headings_are_told() -> None:
    text = "O palácio recebe visitas todos os dias, e também aos domingos e feriados."
    one = lines("Guia de Sintra", 760, 22) + lines("Palácio da Pena", 700, 16) + lines(text, 670)
    two = lines("Fecha às 18h.", 760) + lines("Regaleira", 700, 16) + lines("Abre às 10h.", 670)
    content = read(pdf([one, two]), "a.pdf")
    assert content.title == "Guia de Sintra"
    assert content.sections == (
        Section(("Guia de Sintra", "Palácio da Pena"), text, 3, 1),
        Section(("Guia de Sintra", "Palácio da Pena"), "Fecha às 18h.", 1, 2),
        Section(("Guia de Sintra", "Regaleira"), "Abre às 10h.", 3, 2),
    )


def test_the_metadata_gives_title_date_and_tags() -> None:
    info = "/Title (Tarifas) /Keywords (a; b) /CreationDate (D:20230501120000Z) /ModDate (D:20240131)"
    content = read(pdf([lines("um")], info), "a.pdf")
    assert (content.title, content.date, content.tags) == ("Tarifas", "2024-01-31", ("a", "b"))


@pytest.mark.parametrize("title", ["Microsoft Word - x", "relatório.docx", "Untitled", "  "])
def test_a_title_that_a_program_made_up_is_none(title: str) -> None:
    assert read(pdf([lines("um")], f"/Title ({title})"), "a.pdf").title is None


def test_lines_become_paragraphs_and_items() -> None:
    text = "O palácio abre todos os dias da semana às\nnove e meia.\n\nOutro parágrafo.\n• um\n• dois"
    assert texts(lines(text)) == [
        "O palácio abre todos os dias da semana às nove e meia.\n\nOutro parágrafo.\n\n- um\n- dois"
    ]


def test_words_broken_at_line_ends_are_whole_again() -> None:
    text = "A segunda-feira é livre. O pre-\nço muda à segunda-\nfeira e disse-\n-lhe que sim."
    assert texts(lines(text)) == [
        "A segunda-feira é livre. O preço muda à segunda-feira e disse-lhe que sim."
    ]


def test_what_runs_through_the_pages_goes() -> None:
    pages = [
        lines(f"Manual de operações - {n}", 810)
        + lines(f"Conteúdo da parte {word}.", 500)
        + lines(f"{n}/4", 30)
        for n, word in enumerate(("um", "dois", "três", "quatro"), 1)
    ]
    assert texts(*pages) == [f"Conteúdo da parte {word}." for word in ("um", "dois", "três", "quatro")]


@pytest.mark.parametrize("number", ["3", "- 12 -", "iv", "Página 3 de 10", "p. 7"])
def test_a_page_number_is_no_text_and_a_number_on_the_page_is(number: str) -> None:
    assert texts(lines("Custa 35 euros.", 500) + lines(number, 30)) == ["Custa 35 euros."]
    assert texts(lines("Custa", 500) + lines("35", 300)) == ["Custa\n\n35"]


def test_dots_of_a_table_of_contents_are_few() -> None:
    assert texts(lines("Preços . . . . . . . . . . 12")) == ["Preços … 12"]


def test_what_is_repeated_in_the_middle_of_pages_stays() -> None:
    assert (
        texts(*[lines("Preço: 10 euros.", 500) + lines("Fim.", 400)] * 4) == ["Preço: 10 euros.\n\nFim."] * 4
    )


def test_a_sentence_over_a_page_end_is_on_its_first_page() -> None:
    assert texts(lines("Fim. O bilhete custa"), lines("35 euros.")) == ["Fim. O bilhete custa", "35 euros."]
    assert texts(lines("O bilhete custa"), lines("muito. Outra frase.")) == [
        "O bilhete custa muito.",
        "Outra frase.",
    ]


def test_columns_in_the_order_of_the_file_stay_so() -> None:
    left, right = lines("Um começa\ne acaba."), lines("Dois começa\ne acaba.", x=320)
    assert texts(left + right) == ["Um começa e acaba.\n\nDois começa e acaba."]


def test_lines_without_any_order_are_read_from_top_to_bottom() -> None:
    shown = lines("\n".join(f"Frase número {n}." for n in range(12)))
    assert texts(shown[::-1])[0].split() == texts(shown)[0].split()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pdf([lines("x")], locked=True), "is protected by a password; save it without"),
        (pdf([[], []], picture=True), "has no text, only pictures: it needs OCR"),
        (pdf([lines("3", 30)], picture=True), "has no text, only pictures: it needs OCR"),
        (pdf([[]]), "has no text; add some"),
        (b"PK\x03\x04", r"is no PDF although it is named \.pdf"),
    ],
)
def test_what_has_no_text_to_read_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=rf"a\.pdf {message}"):
        read(data, "a.pdf")


def test_pages_without_text_are_told_when_they_are_pictures() -> None:
    pages: list[list[Line]] = [[], lines("Só esta."), []]
    scanned, blank = read(pdf(pages, picture=True), "a.pdf"), read(pdf(pages), "a.pdf")
    assert [section.text for section in scanned.sections] == ["Só esta."]
    assert scanned.note.startswith("2 of 3 pages are only pictures and not read; OCR ")
    assert blank.note == ""
