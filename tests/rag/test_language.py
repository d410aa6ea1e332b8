from __future__ import annotations

import pytest

from aion.rag.language import detect_language, question_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("O palácio abre às 9h30 e fecha às 18h; a visita custa 14 euros por adulto.", "pt"),
        ("A que horas abre o palácio da Pena?", "pt"),
        ("Em Sintra não chove no verão, mas a serra tem neblina de manhã.", "pt"),
        ("The palace opens at half past nine and the visit costs 14 euros for an adult.", "en"),
        ("What is the price of the full-day tour?", "en"),
        ("El palacio abre a las nueve y la visita cuesta catorce euros por adulto.", ""),
        ("Le palais ouvre à neuf heures et la visite coûte quatorze euros.", ""),
        ("Il palazzo apre alle nove e la visita costa quattordici euro.", ""),
        ("Sintra", ""),
        ("12 34 56 🙂", ""),
        ("", ""),
    ],
)
def test_small_words_tell_the_language(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_a_long_text_is_told_by_its_beginning() -> None:
    assert detect_language("O castelo dos mouros fica na serra. " * 10_000) == "pt"


@pytest.mark.parametrize(
    ("question", "before", "language"),
    [
        ("Price?", (), "en"),
        ("Refund policy?", (), "en"),
        ("Preço?", (), "pt"),
        ("E amanhã?", ("What is the price?",), "pt"),
        ("wifi?", (), "pt"),
        ("wifi?", ("How much is the tour?",), "en"),
        ("wifi?", ("How much is the tour?", "Quanto custa?", "Sintra?"), "pt"),
    ],
)
def test_a_short_question_is_in_the_language_of_its_words_or_of_the_talk(
    question: str, before: tuple[str, ...], language: str
) -> None:
    assert question_language(question, before) == language
