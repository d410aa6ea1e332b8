from __future__ import annotations

import pytest

from aion.answer.evaluate.gold import contains_gold, token_f1, words_of


@pytest.mark.parametrize(
    ("answer", "gold", "there"),
    [
        ("O tour custa 95 € por adulto [1].", ["95€"], True),
        ("Dura oito horas [1].\n\nFontes: [1] 9 horas.md", ["as Oito Horas."], True),
        ("Dura oito horas [1].\n\nFontes: [1] 9 horas.md", ["9 horas"], False),
        ("Custa 195 €", ["95 €"], False),
        ("São João", ["Sao Joao"], True),
        ("nada", [], False),
        ("nada", ["."], False),
        ("um dia, dois", ["três", "dia dois"], True),
    ],
)
def test_a_gold_answer_is_found_word_by_word(answer: str, gold: list[str], there: bool) -> None:
    assert contains_gold(answer, gold) is there


def test_f1_is_of_the_best_gold_answer() -> None:
    assert token_f1("a França e Espanha", ["França", "França e Espanha"]) == 1.0
    assert token_f1("fica na França hoje", ["França"]) == pytest.approx(2 * 1 / 5)
    assert token_f1("Portugal", ["França"]) == 0.0
    assert token_f1("", ["França"]) == 0.0


def test_articles_punctuation_and_citations_are_not_compared() -> None:
    assert words_of("O Denver Broncos, (AFC) [1]!") == ["denver", "broncos", "afc"]
    assert words_of("The price: 45,50€") == ["price", "4550", "€"]
