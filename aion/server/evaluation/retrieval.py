"""Measures the retrieval: opens a store and the embedder, indexes or takes what is there, asks, reports."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aion.engine.catalog import choose_embedder
from aion.engine.embedder import embedder_name
from aion.engine.model import Model
from aion.engine.reranker import LlamaReranker
from aion.errors import InvalidRequest
from aion.rag.draft import Drafting
from aion.rag.evaluate.corpus import store_passages
from aion.rag.evaluate.folder import LabelledQuestion, QuestionSet
from aion.rag.evaluate.modes import MODES, N_NEAREST, Mode, RememberingEmbedder, Searcher, by_source
from aion.rag.evaluate.own import by_item, labelled
from aion.rag.evaluate.run import Figures, Search, evaluate
from aion.rag.evaluate.tune import MIN_QUESTIONS, Tuning, tune
from aion.rag.retrieve import Retriever
from aion.server.evaluation.store import TENANT, own_settings, refuse_others, tuned_weights
from aion.server.library import Library, open_library
from aion.settings import Settings
from aion.store.connection import Store
from aion.store.evaluations import Evaluations
from aion.store.index import Index
from aion.store.judgments import Judgments
from aion.store.lexical import Lexical
from aion.store.places import Places
from aion.store.vectors import Vectors
from aion.types import Embedder

Progress = Callable[[str, int, int], None]
"""Called as (what, done, in all)."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation came to. `indexed_s` is the time the passages took, None for the operator's own;
    `reranker` judged what `hybrid` found; `notice` says what to know of the figures."""

    embedder: str
    k: int
    n_documents: int
    n_chunks: int
    n_questions: int
    n_unanswerable: int
    figures: Mapping[Mode, Figures]
    indexed_s: float | None = None
    tuning: Tuning | None = None
    reranker: str | None = None
    notice: str = ""

    def to_json(self) -> dict[str, object]:
        return {
            "embedder": self.embedder,
            "reranker": self.reranker,
            "k": self.k,
            "n_documents": self.n_documents,
            "n_chunks": self.n_chunks,
            "n_questions": self.n_questions,
            "n_unanswerable": self.n_unanswerable,
            "indexed_s": None if self.indexed_s is None else round(self.indexed_s, 2),
            "modes": {mode: figures.to_json() for mode, figures in self.figures.items()},
            "notice": self.notice,
            "tuning": None if self.tuning is None else self.tuning.to_json(),
        }


def evaluate_folder(
    settings: Settings,
    questions: QuestionSet,
    *,
    k: int,
    modes: Sequence[Mode] = MODES,
    tunes: bool = False,
    db: Path | None = None,
    progress: Progress,
) -> Report:
    """Index the passages in a store of their own, kept at `db` or forgotten, and ask the questions there.

    Raises InvalidRequest when `db` holds other documents, or the questions are too few to tune on.
    """
    if tunes and len(questions.questions) < MIN_QUESTIONS:
        raise InvalidRequest(
            f"{len(questions.questions)} questions are too few to tune on; give {MIN_QUESTIONS} or more."
        )
    weights = tuned_weights(settings)
    with _own_store(settings, db) as library:
        started = time.monotonic()
        store_passages(
            library.documents, library.embedder, _drafting(settings, library), TENANT, questions.passages,
            lambda done, total: progress("passages", done, total),
        )  # fmt: skip
        indexed_s = time.monotonic() - started
        index = Index(library.store)
        name = library.embedder.name
        if (weight := weights.get(name)) is not None:
            index.set_dense_weight(name, weight)
        searcher = _searcher(settings, library, TENANT)
        figures = {}
        for mode in modes:
            asked = _counted(progress, mode)
            figures[mode] = evaluate(searcher.by_source(mode), questions.questions, k, asked)
        tuning = _tune(settings, library, questions.questions, k, progress) if tunes else None
        return Report(
            name, k, len(questions.passages), index.count_texts(), len(questions.questions),
            questions.n_unanswerable, figures, indexed_s, tuning, _name(library.reranker),
        )  # fmt: skip


def evaluate_own(settings: Settings, *, k: int, modes: Sequence[Mode] = MODES, progress: Progress) -> Report:
    """Ask the questions the operator labelled and others judged, of the operator's own documents; the
    figures go into the history. Raises InvalidRequest when there are none."""
    with open_library(settings) as library:
        questions = labelled(Judgments(library.store).list(settings.tenant))
        if not questions:
            raise InvalidRequest(
                "No question is labelled yet; say which document answers one with "
                "`aion eval label QUESTION --source SOURCE`, or measure on a FOLDER."
            )
        searcher = _searcher(settings, library, settings.tenant)
        figures = {
            mode: evaluate(by_item(searcher.find(mode), questions), questions, k, _counted(progress, mode))
            for mode in modes
        }
        rows: dict[str, dict[str, float]] = {mode: found.to_json() for mode, found in figures.items()}
        Evaluations(library.store).add(settings.tenant, library.embedder.name, len(questions), rows)
        n_documents = library.documents.count(settings.tenant)
        n_chunks = library.documents.count_chunks(settings.tenant)
        return Report(
            library.embedder.name, k, n_documents, n_chunks, len(questions), 0, figures,
            reranker=_name(library.reranker), notice=library.reembedding.notice,
        )  # fmt: skip


def check_savable(settings: Settings) -> None:
    """Raises InvalidRequest when `save_weight` would, before minutes are spent on tuning."""
    path = choose_embedder(settings.embed_model, settings.models_dir).path
    with contextlib.closing(Model(path, weights=False)) as model:
        name = embedder_name(model)
    if tuned_weights(settings).keys().isdisjoint([name]):
        raise _nothing_to_keep_with(settings, name)


def save_weight(settings: Settings, embedder: str, weight: float) -> None:
    """Keep a tuned weight with the embedder in the operator's store. Raises InvalidRequest when that has no
    vectors of it."""
    with contextlib.closing(Store(settings.db)) as store:
        if not Index(store).set_dense_weight(embedder, weight):
            raise _nothing_to_keep_with(settings, embedder)


def _nothing_to_keep_with(settings: Settings, embedder: str) -> InvalidRequest:
    return InvalidRequest(
        f"{settings.db} has no vectors of {embedder} to keep a weight with; run aion ingest with your "
        "documents first.",
        param="save",
    )


@contextlib.contextmanager
def _own_store(settings: Settings, db: Path | None) -> Iterator[Library]:
    with own_settings(settings, db) as own, open_library(own) as library:
        refuse_others(library.store, own.db)
        yield library


def _name(reranker: LlamaReranker | None) -> str | None:
    return None if reranker is None else reranker.name


def _drafting(settings: Settings, library: Library) -> Drafting:
    return Drafting(settings.chunk_words, library.embedder.count_tokens, library.embedder.max_tokens)


def _searcher(settings: Settings, library: Library, tenant: str) -> Searcher:
    vectors = Vectors(library.store)
    lexical = _retriever(settings, library, vectors, library.embedder)
    lexical.use(None)
    hybrid = _retriever(settings, library, vectors, library.embedder, reranker=library.reranker)
    return Searcher(tenant, library.documents, vectors, library.embedder, lexical, hybrid)


def _retriever(
    settings: Settings,
    library: Library,
    vectors: Vectors,
    embedder: Embedder,
    weight: float | None = None,
    reranker: LlamaReranker | None = None,
) -> Retriever:
    """As the product retrieves, with another `weight` of the dense list if it is given."""
    return Retriever(
        vectors,
        Lexical(library.store),
        Places(library.store),
        embedder,
        dense_weight=weight,
        mmr_lambda=settings.mmr_lambda,
        reranker=reranker,
    )


def _tune(
    settings: Settings, library: Library, questions: Sequence[LabelledQuestion], k: int, progress: Progress
) -> Tuning:
    vectors, embedder = Vectors(library.store), RememberingEmbedder(library.embedder)

    def search_with(weight: float) -> Search:
        retriever = _retriever(settings, library, vectors, embedder, weight)
        return by_source(lambda question: retriever.retrieve(TENANT, question, N_NEAREST, N_NEAREST).passages)

    return tune(search_with, questions, k, _counted(progress, "tuning"))


def _counted(progress: Progress, what: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(what, done, total)
