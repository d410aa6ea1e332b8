from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from aion.answer.honest import HonestReason, honest_answer, question_language
from tests.answer.fakes import passage

REASONS = get_args(HonestReason)


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What time does it open?", "en"),
        ("Do you have parking?", "en"),
        ("dogs allowed?", "en"),
        ("Price of the full-day tour?", "en"),
        ("How much is São Jorge Castle?", "en"),
        ("And on Sunday?", "en"),
        ("Que horas abre?", "pt"),
        ("quanto custa", "pt"),
        ("a como sai o tour do castelo", "pt"),
        ("Tem estacionamento no local?", "pt"),
        ("e domingo?", "pt"),
        ("Sintra", "pt"),
        ("¿A qué hora abre?", "pt"),
        ("", "pt"),
    ],
)
def test_a_short_question_has_a_language(question: str, language: str) -> None:
    assert question_language(question) == language


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_told_in_both_languages_with_the_nearest_passages(reason: HonestReason) -> None:
    found = [passage(n) for n in range(1, 6)]
    portuguese, english = (honest_answer(reason, language, found) for language in ("pt", "en"))
    assert portuguese != english
    for text in (portuguese, english):
        assert text.splitlines()[-3:] == [f"- [{n}] guia-{n}.md (Guia)" for n in (1, 2, 3)]


def test_the_reasons_differ_and_the_usual_one_says_only_that_it_was_not_found() -> None:
    texts = {honest_answer(reason, "pt", [passage(1)]) for reason in REASONS}
    assert len(texts) == len(REASONS)
    assert honest_answer("low_confidence", "pt", [passage(1)]).split("\n")[0] == (
        "Não encontrei nos documentos informação suficiente para responder com segurança."
    )
    assert "orçamento" in honest_answer("over_budget", "pt", [])
    assert "failed while writing" in honest_answer("local_error", "en", [])


def test_a_place_is_named_once_with_its_page() -> None:
    one = replace(passage(1), page=3, title="  Preços\n2026 ")
    found = [one, replace(passage(2), source=one.source, page=3), replace(passage(3), source="", title="")]
    assert honest_answer("low_confidence", "en", found).splitlines()[-2:] == [
        "- [1] guia-1.md, p. 3 (Preços 2026)",
        "- [3] KB",
    ]


def test_without_passages_it_says_how_to_add_documents() -> None:
    assert "aion ingest PASTA" in honest_answer("low_confidence", "pt", [])
    assert "aion ingest FOLDER" in honest_answer("low_confidence", "en", [])
