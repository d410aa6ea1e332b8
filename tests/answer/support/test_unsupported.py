from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.answer.citing.citations import Citation, CitationFilter
from aion.answer.support.unsupported import unsupported
from aion.types import Passage

FULL = """Tour full-day

O tour full-day dura oito horas e custa 95 € por adulto. Inclui almoço no restaurante da Adelaide, em Sintra.
Crianças até 6 anos não pagam.
- Saída: 9h00, Largo Rainha Dona Amélia
- Regresso: 17h"""
NIGHT = """Tour noturno

O tour noturno começa às 20h30 e termina às 23h. Não inclui jantar. Custa 60 €."""
ENGLISH = (
    "Opening hours. The palace opens at 9:30 and closes at 18:30. Tickets cost 14 euros; no dogs allowed."
)


def passages(*texts: str) -> list[Passage]:
    return [
        Passage(n, n, n, f"guia-{n}.md", "Guia", text, 1, 0.9, 0.8, 2.0) for n, text in enumerate(texts, 1)
    ]


def marked(answer: str, *texts: str, question: str = "") -> list[str]:
    """The sentences of an answer that are marked; its citations are verified first, as ever."""
    citations = CitationFilter(len(texts))
    citations.push(answer)
    citations.finish()
    spans = unsupported(citations.shown, passages(*texts), citations.citations, question)
    return [citations.shown[span.start : span.end] for span in spans]


@pytest.mark.parametrize(
    "answer",
    [
        "O tour full-day custa 95 euros por adulto [1].",
        "Custa 95 €. [1]",
        "Dura 8 horas [1] e inclui o almoço.",
        "A saída é às 9h do Largo Rainha Dona Amélia [1].",
        "1. Vá ao Largo Rainha Dona Amélia às 9:00.\n2. O regresso é às 17:00 [1].",
        "O noturno vai das 20h30 às 23h [2].\n\nFontes: [2] guia-2.md",
        "Crianças até 6 anos não pagam [1].",
        "O tour noturno não inclui jantar [2].",
        "O tour noturno vai das 8:30 PM às 11 PM [2].",
        "O tour full-day custa EUR 95 por adulto [1].",
        "Segundo o documento 2, o tour noturno custa 60 €.",
        "Termina às vinte e três horas [2].",
    ],
)
def test_what_the_passages_say_is_not_marked(answer: str) -> None:
    assert marked(answer, FULL, NIGHT) == []


@pytest.mark.parametrize(
    "answer",
    [
        "O tour full-day custa 85 € por adulto [1].",
        "O tour full-day custa 60 € por adulto [1].",
        "O tour full-day inclui almoço no restaurante da Maria [1].",
        "A saída é às 8h30 [1].",
        "O tour full-day dura sete horas [1].",
        "Crianças até 6 anos pagam [1].",
        "O tour noturno inclui jantar [2].",
        "O Palácio de Monserrate tem um jardim romântico do século XIX [1].",
        "Os cães pequenos viajam no porta-malas com o guia.",
    ],
)
def test_what_they_do_not_say_is(answer: str) -> None:
    assert marked(answer, FULL, NIGHT) == [answer]


@pytest.mark.parametrize(
    "answer",
    [
        "Olá! Bom dia!",
        "Claro, aqui estão os preços:",
        "Não encontrei informação sobre cães nos documentos.",
        "Os documentos não mencionam animais de estimação.",
        "Infelizmente, não há informações sobre estacionamento.",
        "Espero ter ajudado!",
        "Se precisar de mais alguma coisa, é só perguntar.",
        "Quer saber mais sobre hotéis em Cascais?",
        "## Horários e Bilhetes",
        "Sim.",
        "```\nx = 99\n```",
    ],
)
def test_what_claims_nothing_is_not_judged(answer: str) -> None:
    assert marked(answer, FULL, NIGHT) == []


def test_only_the_wrong_sentence_of_several_is_marked() -> None:
    answer = "O full-day custa 95 € [1]. O noturno custa 75 € [2]. Não inclui jantar [2]."
    assert marked(answer, FULL, NIGHT) == ["O noturno custa 75 € [2]."]
    steps = "Siga os passos:\n1. Saia às 9h [1].\n2. Suba de teleférico até ao miradouro.\n\nBoa viagem!"
    assert marked(steps, FULL, NIGHT) == ["Suba de teleférico até ao miradouro."]


def test_what_only_a_passage_that_is_not_cited_says_is_marked() -> None:
    said = "O tour noturno começa às 20h30 e termina às 23h"
    assert marked(f"{said} [2].", FULL, NIGHT) == []
    assert marked(f"{said} [1].", FULL, NIGHT) == [f"{said} [1]."]
    assert marked(f"{said}.", FULL, NIGHT) == []


def test_the_question_may_be_repeated() -> None:
    answer = "Para 4 pessoas de Lisboa, o tour full-day custa 95 € por adulto [1]."
    assert marked(answer, FULL) == [answer]
    assert marked(answer, FULL, question="Quanto custa para 4 pessoas de Lisboa?") == []


def test_english_is_judged_as_portuguese_is() -> None:
    assert marked("The palace opens at 9:30 am [1].", ENGLISH) == []
    assert marked("Tickets are 14 € and dogs are not allowed [1].", ENGLISH) == []
    wrong = "The palace opens at 8:30 on Mondays [1]."
    assert marked(wrong, ENGLISH) == [wrong]
    assert marked("I could not find anything about parking in the documents.", ENGLISH) == []


def test_of_a_passage_in_another_language_only_numbers_are_compared() -> None:
    assert marked("O palácio abre às 9h30 e fecha às 18h30 [1].", ENGLISH) == []
    assert marked("O bilhete custa 15 euros [1].", ENGLISH) == ["O bilhete custa 15 euros [1]."]


def test_without_passages_nothing_is_judged() -> None:
    assert unsupported("Custa 45 €.", []) == ()


@given(st.text(alphabet="aO 1.,\n-*#[]`éN:?", max_size=80))
def test_spans_are_in_order_and_hold_text(text: str) -> None:
    end = 0
    for span in unsupported(text, passages(FULL), [Citation(1, 0, 3)]):
        assert end <= span.start < span.end <= len(text)
        assert text[span.start : span.end].strip() == text[span.start : span.end]
        end = span.end
