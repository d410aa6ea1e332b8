"""The words of every answer that AION itself writes, because no model's answer can be trusted.

In Portuguese (PT-BR) or English, as the question is. They say what is known: what was not found or did not
work, and which passages come nearest. Nothing here is generated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from aion.answer.prompt import DEFAULT_SOURCE, Language
from aion.rag.language import question_language
from aion.types import Passage

__all__ = ["HonestReason", "Language", "honest_answer", "question_language"]

HonestReason: TypeAlias = Literal[
    "low_confidence", "local_error", "forced", "fallback_off", "over_budget", "fallback_error"
]

MAX_NEAREST = 3
_MAX_TITLE_CHARS = 80

_NO_DOCUMENTS = {
    "pt": "Não há documentos para consultar, ou nenhum tem palavras da pergunta. "
    "Adicione os seus com `aion ingest PASTA` e pergunte de novo.",
    "en": "There are no documents to consult, or none has words of the question. "
    "Add yours with `aion ingest FOLDER` and ask again.",
}
_NOT_FOUND = {
    "pt": "Não encontrei nos documentos informação suficiente para responder com segurança.",
    "en": "I did not find enough in the documents to answer this with confidence.",
}
_LOCAL_ERROR = {
    "pt": "O modelo local falhou ao escrever a resposta; pergunte de novo ou veja o registro do serviço.",
    "en": "The local model failed while writing the answer; ask again or see the service's log.",
}
# Why nobody else answered either.
_FALLBACK = {
    "fallback_off": {
        "pt": "O modelo externo pago está desligado.",
        "en": "The paid external model is switched off.",
    },
    "over_budget": {
        "pt": "O modelo externo pago não foi consultado: o orçamento não permite.",
        "en": "The paid external model was not asked: the budget does not allow it.",
    },
    "fallback_error": {
        "pt": "O modelo externo pago não respondeu.",
        "en": "The paid external model did not answer.",
    },
    "forced": {
        "pt": "O modelo externo pago foi pedido e não respondeu.",
        "en": "The paid external model was asked for and did not answer.",
    },
}
_NEAREST = {"pt": "As passagens mais próximas são:", "en": "The nearest passages are:"}


def honest_answer(reason: HonestReason, language: Language, passages: Sequence[Passage]) -> str:
    """What did not work or was not found, and up to three of the nearest passages as a Markdown list.

    Without passages it says how to add documents, unless it was the local model that failed.
    """
    if reason == "local_error":
        told = _LOCAL_ERROR[language]
    else:
        told = (_NOT_FOUND if passages else _NO_DOCUMENTS)[language]
        if reason in _FALLBACK:
            told = f"{told} {_FALLBACK[reason][language]}"
    nearest = list(_nearest(passages))[:MAX_NEAREST]
    if not nearest:
        return told
    return "\n".join([told, "", _NEAREST[language], "", *nearest])


def _nearest(passages: Sequence[Passage]) -> Iterator[str]:
    """A line a place: two chunks of one page are one."""
    seen: set[tuple[str, int | None]] = set()
    for passage in passages:
        place = (passage.source, passage.page)
        if place not in seen:
            seen.add(place)
            yield f"- [{passage.n}] {_described(passage)}"


def _described(passage: Passage) -> str:
    """The source, its page where it has pages, and the title where that says something more."""
    source = passage.source or DEFAULT_SOURCE
    page = "" if passage.page is None else f", p. {passage.page}"
    title = " ".join(passage.title.split())
    if len(title) > _MAX_TITLE_CHARS:
        title = title[: _MAX_TITLE_CHARS - 1].rstrip() + "…"
    return f"{source}{page} ({title})" if title and title != source else f"{source}{page}"
