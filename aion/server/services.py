"""Wires the rooms together: from settings to running parts. Nothing else does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from aion.answer.router import Router
from aion.engine.catalog import choose_embedder
from aion.engine.embedder import LlamaEmbedder
from aion.engine.engine import Engine
from aion.engine.gate import ComputeGate
from aion.engine.generator import LocalGenerator
from aion.engine.model import Model
from aion.engine.serving import Serving
from aion.events.log import EventLog
from aion.rag.ingest import Ingester
from aion.rag.retrieve import Retriever
from aion.server.adapter_control import AdapterControl
from aion.server.loading import gpu_layers, load_model, n_threads
from aion.server.one_maker import GgufProgress
from aion.server.provision import provide_base_model
from aion.settings import Settings
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
    serving: Serving
    adapters: AdapterControl
    generator: Generator
    router: Router
    is_embedded_model: bool
    notice: str

    @property
    def engine(self) -> Engine:
        """That of the model which answers now."""
        return self.serving.current.engine


@contextlib.contextmanager
def open_library(settings: Settings, gate: ComputeGate | None = None) -> Iterator[Library]:
    """Open the store and the embedding model; close both at the end."""
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(Store(settings.db)))
        choice = choose_embedder(settings.embed_model, settings.models_dir)
        model = stack.enter_context(contextlib.closing(Model(choice.path, gpu_layers(settings))))
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
def open_services(settings: Settings, progress: GgufProgress | None = None) -> Iterator[Services]:
    """Load everything a question needs; on leaving, running generations are aborted and all is closed.

    `progress` is told of a base model that has to be converted first.
    """
    with contextlib.ExitStack() as stack:
        gate = ComputeGate()
        choice = provide_base_model(settings, progress)
        load = partial(load_model, settings, gate=gate)
        serving = Serving(load(choice.path))
        stack.callback(serving.close)
        adapters = AdapterControl(serving, choice.path, settings.adapter_dir, settings.models_dir, load)
        stack.callback(adapters.close)
        trouble = adapters.load_at_start(is_named="adapter_dir" in settings.model_fields_set)
        library = stack.enter_context(open_library(settings, gate))
        generator = LocalGenerator(serving)
        router = Router(
            library.retriever,
            generator,
            EventLog(Events(library.store)),
            tau=settings.tau_confidence,
            system_prompt=settings.system_prompt,
        )
        placement = serving.current.placement
        of_memory = placement.notice if placement else ""
        notice = " ".join(filter(None, [choice.notice, of_memory, trouble, stale_notice(settings, library)]))
        yield Services(settings, library, serving, adapters, generator, router, choice.is_embedded, notice)


def stale_notice(settings: Settings, library: Library) -> str:
    """What to do when documents were read with another embedding model; "" when all are of this one."""
    stale = library.documents.needs_vectors(settings.tenant, library.embedder.name)
    if not stale:
        return ""
    n = library.documents.count(settings.tenant)
    return (
        f"{len(stale)} of {n} documents were read with another embedding model than {library.embedder.name}, "
        "and are not found by it; run aion ingest on their folders again."
    )
