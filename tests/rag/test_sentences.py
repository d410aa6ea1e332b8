from __future__ import annotations

import pytest

from aion.rag.sentences import split_sentences


@pytest.mark.parametrize(
    "whole",
    [
        "O Sr. Silva e a Dra. Ana moram na Av. da Liberdade.",
        "A Parques de Sintra, S.A. Monte da Lua, gere o palácio.",
        "A Tours & Cia. Lda. Portugal abriu em 1998.",
        "Foi no séc. XIX que D. Fernando II o mandou construir.",
        "Ver art. 5.º, n.º 3, al. a), do regulamento.",
        "O bilhete (p. ex. Adulto) custa 9.50 euros.",
        "J. R. R. Tolkien nunca o visitou.",
    ],
)
def test_an_abbreviation_ends_no_sentence(whole: str) -> None:
    assert split_sentences(whole) == [whole]


def test_marks_and_quotes_belong_to_the_sentence_they_end() -> None:
    text = "Abre hoje? Sim! \u201cÀs 9h30.\u201d Fecha às 18h… Depois (e só depois.) há jantar."
    assert split_sentences(text) == [
        "Abre hoje?", "Sim!", "\u201cÀs 9h30.\u201d", "Fecha às 18h…", "Depois (e só depois.) há jantar.",
    ]  # fmt: skip
