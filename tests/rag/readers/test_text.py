from __future__ import annotations

from aion.rag.readers.text import read_text
from aion.types import Section


def parts(text: str) -> tuple[str | None, tuple[Section, ...]]:
    """The title and the sections of `text`."""
    content = read_text(text)
    return content.title, content.sections


def test_the_first_line_is_the_title() -> None:
    assert parts("\nTour half-day\n\nDura quatro horas.\n") == (
        "Tour half-day",
        (Section((), "Dura quatro horas.", 4),),
    )


def test_a_first_sentence_is_no_title() -> None:
    assert parts("O tour dura quatro horas.\n") == (None, (Section((), "O tour dura quatro horas.", 1),))


def test_capitals_and_colons_are_headings() -> None:
    _, sections = parts("Tour\n\nPREÇOS\nAdulto: 55 €\n\nComo chegar:\n\nDe comboio.\n")
    assert sections == (Section(("PREÇOS",), "Adulto: 55 €", 4), Section(("Como chegar",), "De comboio.", 8))


def test_a_colon_before_its_list_and_capitals_inside_a_paragraph_are_text() -> None:
    text = "Inclui:\n- almoço\n- guia\nIVA\nfim"
    assert parts("Tour\n\n" + text)[1] == (Section((), text, 3),)


def test_headings_and_titles_alone_are_kept() -> None:
    assert parts("Fechado") == ("Fechado", (Section((), "", 1),))
    assert parts("Tour\n\nFECHADO HOJE\n")[1] == (Section(("FECHADO HOJE",), "", 3),)


def test_blank_text_has_no_sections() -> None:
    assert parts(" \n\t\n") == (None, ())
