from __future__ import annotations

import json

import pytest

from aion.answer.answer import Answer, Reason, Used
from aion.answer.citing.citations import Citation
from aion.answer.evaluate.figures import figures_of
from aion.answer.evaluate.judged import Judged, failed, judge
from aion.answer.spans import Span
from aion.rag.evaluate.folder import LabelledQuestion
from aion.types import Usage
from tests.answer.fakes import passage

PRICE = LabelledQuestion("Quanto custa?", {"guia-1.md": 1.0}, ("45 €",))
NOBODY = LabelledQuestion("Quem é o dono?", {}, ())


def answered(
    text: str, *cited: int, reason: Reason = "confident", used: Used = "local", confidence: float = 0.9
) -> Answer:
    citations = tuple(Citation(n, text.index(f"[{n}]"), text.index(f"[{n}]") + 3) for n in cited)
    return Answer(
        text, used, confidence, reason, (passage(1), passage(2)), "fake", citations,
        usage=Usage(100, 20), ms={"retrieval": 5.0, "generation": 200.0, "total": 210.0},
    )  # fmt: skip


def test_an_answer_is_judged_by_what_it_cites_and_says() -> None:
    right = judge(PRICE, answered("Custa 45 € [1].", 1))
    assert (right.cites_right, right.has_gold, right.is_refused, right.n_sentences) == (True, True, False, 1)
    wrong = judge(PRICE, answered("Custa 50 € [2].", 2))
    assert (wrong.cites_right, wrong.has_gold, wrong.right_first, wrong.right_among) == (
        False, False, True, True,
    )  # fmt: skip
    assert wrong.passages == ("guia-1.md", "guia-2.md")


@pytest.mark.parametrize(
    ("answer", "is_refused"),
    [
        (answered("Não encontrei.\n\n- [1] guia-1.md", reason="low_confidence"), True),
        (answered("Não encontrei informação sobre isso nos documentos."), True),
        (answered("É a Maria Silva, de Sintra."), False),
        (answered("A Maria [2].", 2, reason="low_confidence", used="fallback"), False),
    ],
)
def test_a_refusal_is_aions_or_the_models(answer: Answer, is_refused: bool) -> None:
    assert judge(NOBODY, answer).is_refused is is_refused


def test_a_refusal_has_no_gold_answer_even_where_it_lists_one() -> None:
    judged = judge(PRICE, answered("Não encontrei.\n\n- [1] custa 45 €", reason="low_confidence"))
    assert (judged.has_gold, judged.f1, judged.n_sentences) == (False, 0.0, 0)


def test_the_figures_are_shares_of_what_they_are_said_to_be() -> None:
    unmarked = answered("Custa 45 € [1]. Abre cedo todos os dias.", 1)
    judged = [
        judge(PRICE, unmarked).model_copy(update={"unsupported": ((16, 40),)}),
        judge(PRICE, answered("?", reason="low_confidence", confidence=0.3)),
        judge(NOBODY, answered("?", reason="low_confidence", confidence=0.1)),
        judge(NOBODY, answered("É a Maria Silva [2].", 2, confidence=0.5)),
        failed(PRICE, "The model failed."),
    ]
    figures = figures_of(judged)
    assert (figures.n_questions, figures.n_answerable, figures.n_failed, figures.n_answered) == (5, 2, 1, 2)
    assert (figures.cites_right, figures.cites_right_of_answered, figures.has_gold) == (0.5, 1.0, 0.5)
    assert figures.unsupported == pytest.approx(1 / 3)
    assert (figures.refused_right, figures.refused_wrong) == (0.5, 0.5)
    assert figures.auroc == 0.75
    assert figures.tokens_per_s == pytest.approx(100.0)
    assert figures.ms["total"].p95_ms == 210.0
    json.dumps(figures.to_json(), allow_nan=False)


def test_figures_of_nothing_are_none() -> None:
    figures = figures_of([])
    assert (figures.cites_right, figures.auroc, figures.ece, figures.tokens_per_s) == (None,) * 4
    only = figures_of([judge(PRICE, answered("Custa 45 € [1].", 1))])
    assert (only.refused_right, only.auroc, only.ece) == (None, None, None)


def test_a_judged_answer_comes_back_from_its_line() -> None:
    answer = answered("Custa 45 € [1].", 1)
    judged = judge(PRICE, answer)
    assert Judged.model_validate_json(judged.model_dump_json()) == judged
    marked = Answer(
        **{name: getattr(answer, name) for name in answer.__slots__} | {"unsupported": (Span(0, 15),)}
    )
    assert judge(PRICE, marked).unsupported == ((0, 15),)
