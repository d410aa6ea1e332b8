"""Calibrates confidence: opens a store and the models that search, asks, fits, keeps what is better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from aion.answer.calibration.examples import Asked, collect
from aion.answer.calibration.left_out import LeftOut, LexicalWithout, VectorsWithout
from aion.answer.calibration.shelf import Shelf
from aion.answer.calibration.sources import from_labels, made
from aion.answer.calibration.trial import Trial, attempt
from aion.answer.confidence.judges import Calibrated, prior
from aion.errors import InvalidRequest
from aion.rag.draft import Drafting
from aion.rag.evaluate.corpus import store_passages
from aion.rag.evaluate.folder import LabelledQuestion, QuestionSet
from aion.rag.evaluate.modes import RememberingEmbedder
from aion.rag.evaluate.own import LABEL
from aion.rag.retrieve import Retriever
from aion.server.evaluation.store import TENANT, own_settings, refuse_others, take_over
from aion.server.library import Library, open_library
from aion.settings import Settings
from aion.store.calibrations import Calibration, Calibrations
from aion.store.connection import Store
from aion.store.judgments import Judgments
from aion.store.lexical import Lexical
from aion.store.listing import Listing
from aion.store.places import Places
from aion.store.vectors import Vectors

MIN_QUESTIONS = 20  # fewer say nothing
_SEED = 1

Origin = Literal["labels", "made", "folder"]
Progress = Callable[[str, int, int], None]
"""Called as (what, done, in all)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a calibration came to, over `n_chunks` chunks of `n_documents` documents. `is_kept` says whether
    it judges from now on: only when it is better than what judged before, which `was` names."""

    origin: Origin
    embedder: str
    reranker: str
    n_documents: int
    n_chunks: int
    trial: Trial
    was: Literal["prior", "calibration"]
    is_kept: bool

    def to_json(self) -> dict[str, object]:
        figures = {
            "fitted": self.trial.fitted,
            "present": self.trial.present,
            "mean_cosine": self.trial.mean_cosine,
        }
        return {
            "origin": self.origin,
            "embedder": self.embedder,
            "reranker": self.reranker or None,
            "n_documents": self.n_documents,
            "n_chunks": self.n_chunks,
            "present": self.was,
            "is_kept": self.is_kept,
            "strength": self.trial.strength,
            "figures": {name: found.to_json() for name, found in figures.items()},
            "model": self.trial.model.to_json(),
        }


def calibrate_own(settings: Settings, origin: Origin | None, n_made: int, progress: Progress) -> Outcome:
    """On the operator's own documents: with the questions that were labelled, or, where these are fewer than
    MIN_QUESTIONS or `origin` says so, with `n_made` made ones. Raises InvalidRequest on too few."""
    with open_library(settings) as library:
        labels = _labelled(Judgments(library.store), settings.tenant)
        if origin is None:
            origin = "labels" if len(labels) >= MIN_QUESTIONS else "made"
        shelf = _shelf(library, settings.tenant)
        if origin == "made":
            _refuse_made_over_asked(Calibrations(library.store), settings.tenant)
        if origin == "labels":
            asked = from_labels(shelf, labels)
        else:
            asked = made(shelf, n_made, _SEED, lambda done, total: progress("making questions", done, total))
        _refuse_few(asked, origin)
        return _calibrated(settings, library, shelf, asked, origin, library.store, progress)


def calibrate_on(settings: Settings, questions: QuestionSet, progress: Progress) -> Outcome:
    """On labelled questions over passages of their own, which are indexed in a store that is forgotten; what
    is kept judges the operator's documents. Raises InvalidRequest on too few questions."""
    with own_settings(settings, None) as own, open_library(own) as library, Store(settings.db) as store:
        refuse_others(library.store, own.db)
        store_passages(
            library.documents,
            library.embedder,
            Drafting(settings.chunk_words, library.embedder.count_tokens, library.embedder.max_tokens),
            TENANT,
            questions.passages,
            lambda done, total: progress("passages", done, total),
        )
        take_over(settings, library.store)
        shelf = _shelf(library, TENANT)
        asked = from_labels(shelf, questions.questions, questions.unanswerable)
        _refuse_few(asked, "folder")
        return _calibrated(settings, library, shelf, asked, "folder", store, progress)


def history(settings: Settings) -> tuple[Calibration, ...]:
    """The tenant's calibrations, oldest first."""
    with Store(settings.db) as store:
        return Calibrations(store).list(settings.tenant)


def reset(settings: Settings) -> int:
    """Let the prior judge again; returns how many calibrations were forgotten."""
    with Store(settings.db) as store:
        return Calibrations(store).remove_all(settings.tenant)


def stale_notice(settings: Settings, library: Library) -> str:
    """What an operator should know of a calibration that does not hold any more, or "". Raises StoreError."""
    if settings.confidence != "calibrated":
        return ""
    embedder = library.retriever.embedder
    names = ("" if embedder is None else embedder.name, _name(library))
    calibrations = Calibrations(library.store)
    if calibrations.newest_id(settings.tenant, *names) is not None:
        return ""
    others = calibrations.list(settings.tenant, 1)
    if not others:
        return ""
    searched = " and ".join(filter(None, (others[-1].embedder, others[-1].reranker)))
    return (
        f"Confidence was calibrated for {searched}, which no longer searches; the built-in prior judges "
        "until `aion calibrate` is run."
    )


def _labelled(judgments: Judgments, tenant: str) -> list[LabelledQuestion]:
    """The operator's labels by the documents they name."""
    grades: dict[str, dict[str, float]] = {}
    for judgment in judgments.list(tenant):
        if judgment.origin == LABEL:
            grades.setdefault(judgment.question, {})[judgment.source] = judgment.grade
    found = ({source: grade for source, grade in given.items() if grade > 0} for given in grades.values())
    return [LabelledQuestion(text, given) for text, given in zip(grades, found, strict=True) if given]


def _refuse_made_over_asked(calibrations: Calibrations, tenant: str) -> None:
    """Made questions tell less than people's, and would not show it: they are measured on themselves."""
    if any(kept.origin != "made" for kept in calibrations.list(tenant)):
        raise InvalidRequest(
            "Confidence is calibrated on questions that people asked, which tell more than made ones; "
            "`aion calibrate --reset` forgets that first.",
            param="on",
        )


def _refuse_few(asked: Sequence[Asked], origin: Origin) -> None:
    n_right, n_wrong = sum(one.is_answerable for one in asked), sum(not one.is_answerable for one in asked)
    if min(n_right, n_wrong) >= MIN_QUESTIONS:
        return
    more = {
        "labels": "label more with `aion eval label`, or take `--on made`",
        "made": "ingest more documents first (aion ingest)",
        "folder": "give a folder with more",
    }[origin]
    raise InvalidRequest(
        f"{n_right} questions with an answer and {n_wrong} without are too few to calibrate on; it takes "
        f"{MIN_QUESTIONS} of each: {more}."
    )


def _calibrated(
    settings: Settings,
    library: Library,
    shelf: Shelf,
    asked: Sequence[Asked],
    origin: Origin,
    kept_in: Store,
    progress: Progress,
) -> Outcome:
    left_out = LeftOut()
    retriever = _retriever(settings, library, shelf, left_out)
    examples = collect(
        asked, shelf.tenant, retriever, left_out, lambda done, total: progress("questions", done, total)
    )
    calibrations = Calibrations(kept_in)
    names = (settings.tenant, examples.embedder, examples.reranker)
    was: Literal["prior", "calibration"] = (
        "prior" if calibrations.newest_id(*names) is None else "calibration"
    )
    present = Calibrated(calibrations).model(*names)
    trial = attempt(
        examples, prior(examples.embedder), present, settings.tau_confidence, are_made=origin == "made"
    )
    if trial.is_better:
        calibrations.add(
            *names,
            origin=origin,
            n_answerable=trial.fitted.n_answerable,
            n_unanswerable=trial.fitted.n_unanswerable,
            model=trial.model.to_json(),
            figures=trial.fitted.to_json(),
        )
    return Outcome(
        origin, examples.embedder, examples.reranker, len(shelf.documents), shelf.n_chunks, trial, was,
        trial.is_better,
    )  # fmt: skip


def _shelf(library: Library, tenant: str) -> Shelf:
    listing, embedder = Listing(library.store), library.retriever.embedder
    documents = listing.page(tenant, library.documents.count(tenant) or 1)
    shelf = Shelf(tenant, listing, documents, Lexical(library.store).languages(tenant))
    if embedder is not None:
        shelf.place(Vectors(library.store).fetch(tenant, embedder.name, shelf.chunk_ids()))
    return shelf


def _retriever(settings: Settings, library: Library, shelf: Shelf, left_out: LeftOut) -> Retriever:
    """As the product retrieves, but for what is left out."""
    vectors, lexical = VectorsWithout(library.store), LexicalWithout(library.store)
    vectors.left_out = lexical.left_out = left_out
    vectors.chunk_ids = shelf.chunk_ids()
    embedder = library.retriever.embedder
    return Retriever(
        vectors,
        lexical,
        Places(library.store),
        None if embedder is None else RememberingEmbedder(embedder),
        mmr_lambda=settings.mmr_lambda,
        reranker=library.reranker,
    )


def _name(library: Library) -> str:
    return "" if library.reranker is None else library.reranker.name
