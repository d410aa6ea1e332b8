"""Wires the rooms together: from settings to running parts. Nothing else does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from aion.answer.prompt import plain_prompt
from aion.answer.router import Router
from aion.engine.catalog import choose_base_model, choose_embedder
from aion.engine.embedder import LlamaEmbedder
from aion.engine.engine import Engine
from aion.engine.gate import ComputeGate
from aion.engine.generator import LocalGenerator
from aion.engine.model import Model
from aion.engine.template import ChatTemplate
from aion.events.log import EventLog
from aion.rag.ingest import Ingester
from aion.rag.retrieve import Retriever
from aion.settings import Settings, n_physical_cores
from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.events import Events
from aion.store.lexical import Lexical
from aion.store.vectors import Vectors
from aion.types import Generator


@dataclass(frozen=True, slots=True)
class Library:
    """The operator's documents: the store, the embedder and what works on both."""

    store: Store
    documents: Documents
    embedder: LlamaEmbedder
    ingester: Ingester
    retriever: Retriever


@dataclass(frozen=True, slots=True)
class Services:
    """The running parts behind the routes. `notice` tells the operator of a stand-in model, or is ""."""

    settings: Settings
    library: Library
    engine: Engine
    generator: Generator
    router: Router
    is_embedded_model: bool
    notice: str


@contextlib.contextmanager
def open_library(settings: Settings, gate: ComputeGate | None = None) -> Iterator[Library]:
    """Open the store and the embedding model; close both at the end."""
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(Store(settings.db)))
        choice = choose_embedder(settings.embed_model, settings.models_dir)
        model = stack.enter_context(contextlib.closing(Model(choice.path, _gpu_layers(settings))))
        embedder = LlamaEmbedder(model, n_threads(settings), gate or ComputeGate())
        stack.enter_context(contextlib.closing(embedder))
        documents = Documents(store)
        retriever = Retriever(
            Vectors(store), Lexical(store), documents, embedder, mmr_lambda=settings.mmr_lambda
        )
        ingester = Ingester(
            documents, embedder, settings.chunk_words, embedder.count_tokens, embedder.max_tokens
        )
        yield Library(store, documents, embedder, ingester, retriever)


@contextlib.contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Load everything a question needs; on leaving, running generations are aborted and all is closed."""
    with contextlib.ExitStack() as stack:
        gate = ComputeGate()
        choice = choose_base_model(settings.base_model, settings.models_dir)
        model = stack.enter_context(contextlib.closing(Model(choice.path, _gpu_layers(settings))))
        library = stack.enter_context(open_library(settings, gate))
        engine = Engine(
            model,
            n_ctx=settings.ctx,
            n_parallel=settings.parallel,
            n_threads=n_threads(settings),
            n_waiting_max=settings.queue,
            gate=gate,
        )
        stack.enter_context(contextlib.closing(engine))
        generator = LocalGenerator(engine, ChatTemplate(model, plain_prompt))
        router = Router(
            library.retriever,
            generator,
            EventLog(Events(library.store)),
            tau=settings.tau_confidence,
            system_prompt=settings.system_prompt,
        )
        yield Services(settings, library, engine, generator, router, choice.is_embedded, choice.notice)


def n_threads(settings: Settings) -> int:
    """Compute threads: AION_THREADS, or the physical cores."""
    return settings.threads or n_physical_cores()


def _gpu_layers(settings: Settings) -> int:
    """llama.cpp takes any large number for "all"; a build without GPU support ignores it."""
    return 9999 if settings.gpu_layers < 0 else settings.gpu_layers
