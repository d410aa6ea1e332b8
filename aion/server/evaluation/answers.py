"""Measures the answers: a folder's passages in a store of their own, its questions through the router."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aion.answer.evaluate.figures import AnswerFigures, figures_of
from aion.answer.evaluate.judged import Judged
from aion.answer.evaluate.record import AnswerRecords
from aion.answer.evaluate.run import Asking, ask_all, sample
from aion.rag.draft import Drafting
from aion.rag.evaluate.corpus import store_passages
from aion.rag.evaluate.folder import LabelledQuestion, QuestionSet
from aion.server.evaluation.store import TENANT, own_settings, refuse_others, take_over
from aion.server.model_files.one_maker import GgufProgress
from aion.server.services import Services, open_services
from aion.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called as (what, done, in all)."""


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """What an evaluation came to. `run` says of what: model, adapters, embedder, confidence, tau, passages.
    `n_asked` of `n_questions` were asked: fewer where it was interrupted."""

    run: dict[str, object]
    n_questions: int
    n_asked: int
    n_documents: int
    figures: AnswerFigures
    notice: str = ""

    def to_json(self) -> dict[str, object]:
        return {
            **self.run,
            "n_questions": self.n_questions,
            "n_asked": self.n_asked,
            "n_documents": self.n_documents,
            "notice": self.notice,
            "figures": self.figures.to_json(),
        }


def evaluate_answers(
    settings: Settings,
    questions: QuestionSet,
    *,
    limit: int | None = None,
    tau: float | None = None,
    seed: int = 1,
    parallel: int = 1,
    db: Path | None = None,
    out: Path | None = None,
    progress: Progress,
    converting: GgufProgress | None = None,
) -> AnswerReport:
    """Index the passages, at `db` or in a store forgotten afterwards, and ask `limit` of the questions.

    Nothing is asked of a paid model. `out` keeps each answer as a JSON line, and a run that finds those of an
    earlier one like it asks only the rest. Ctrl-C ends the asking: the report is of what was asked by
    then. Raises InvalidRequest where `db` or `out` hold something else.
    """
    chosen = sample([*questions.questions, *questions.unanswerable], limit, seed)
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(own_settings(settings, db))
        services = stack.enter_context(open_services(own, converting))
        refuse_others(services.library.store, own.db)
        asking = Asking(TENANT, tau, seed, parallel)
        run = _run(services, questions, asking)
        records = stack.enter_context(AnswerRecords(out, run)) if out is not None else None
        _store(services, questions, progress)
        take_over(settings, services.library.store)
        judged = _asked(services, chosen, asking, records, progress)
        return AnswerReport(
            run, len(chosen), len(judged), len(questions.passages), figures_of(judged), services.notice
        )


def _asked(
    services: Services,
    chosen: Sequence[LabelledQuestion],
    asking: Asking,
    records: AnswerRecords | None,
    progress: Progress,
) -> list[Judged]:
    """The answers kept from an earlier run and those of this one, as far as it got."""
    judged = _still_asked(records.judged, chosen) if records else []
    known = {(one.question, tuple(one.relevance)) for one in judged}
    rest = [one for one in chosen if (one.text, tuple(one.relevance)) not in known]

    def told(one: Judged) -> None:
        judged.append(one)
        if records is not None:
            records.add(one)
        progress("answers", len(judged), len(chosen))

    progress("answers", len(judged), len(chosen))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(ask_all(services.router.answer, rest, asking, told))
    return judged


def _still_asked(kept: Sequence[Judged], chosen: Sequence[LabelledQuestion]) -> list[Judged]:
    """Each question's answer once; a failed one is asked again."""
    wanted = {(one.text, tuple(one.relevance)) for one in chosen}
    found = {(one.question, tuple(one.relevance)): one for one in kept if not one.error}
    return [one for key, one in found.items() if key in wanted]


def _store(services: Services, questions: QuestionSet, progress: Progress) -> None:
    library = services.library
    drafting = Drafting(
        services.settings.chunk_words, library.embedder.count_tokens, library.embedder.max_tokens
    )
    store_passages(
        library.documents, library.embedder, drafting, TENANT, questions.passages,
        lambda done, total: progress("passages", done, total),
    )  # fmt: skip


def _run(services: Services, questions: QuestionSet, asking: Asking) -> dict[str, object]:
    """What decides an answer, for the report and to know the answers of an earlier run by."""
    settings = services.settings
    digest = hashlib.sha256()
    for passage in questions.passages:
        digest.update(repr((passage.id, passage.title, passage.text)).encode())
    reranker = services.library.reranker
    return {
        "model": services.generator.model_name,
        "adapters": [
            f"{adapter.name}:{adapter.content_hash}" for adapter in services.adapters.adapters.current()
        ],
        "embedder": services.library.embedder.name,
        "reranker": None if reranker is None else reranker.name,
        "confidence": settings.confidence,
        "tau": settings.tau_confidence if asking.tau is None else asking.tau,
        "seed": asking.seed,
        "passages": digest.hexdigest()[:16],
    }
