"""The operator's documents as running parts: the store, the embedder, ingestion and search."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from aion.engine.catalog import choose_embedder, choose_reranker
from aion.engine.embedder import LlamaEmbedder
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.engine.reranker import LlamaReranker
from aion.events.log import EventLog
from aion.fair_lock import FairLock
from aion.rag.ingest import Ingester
from aion.rag.readers.sandbox import Sandbox
from aion.rag.retrieve import Retriever
from aion.rag.shelf import Shelf
from aion.rag.watch import Watch
from aion.server.documents.intake import Intake
from aion.server.documents.reembed import Reembedding, older_embedder
from aion.server.loading import gpu_layers, n_threads
from aion.settings import Settings
from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.events import Events
from aion.store.index import Index
from aion.store.lexical import Lexical
from aion.store.listing import Listing
from aion.store.places import Places
from aion.store.vectors import Vectors


@dataclass(frozen=True, slots=True)
class Library:
    """The operator's documents: the store with its log, the embedder and what works on both. Whoever ingests
    while others may takes turns. Neither `watch`, of AION_WATCH_DIR, nor `reembedding` is started here."""

    store: Store
    documents: Documents
    embedder: LlamaEmbedder
    ingester: Ingester
    retriever: Retriever
    listing: Listing
    intake: Intake
    turns: FairLock
    reembedding: Reembedding
    log: EventLog
    watch: Watch | None = None
    reranker: LlamaReranker | None = None


@contextlib.contextmanager
def open_library(settings: Settings, gate: ComputeGate | None = None) -> Iterator[Library]:
    """Open the store and the embedding model; close both at the end."""
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(Store(settings.db)))
        log = EventLog(Events(store))
        stack.callback(log.close)
        choice = choose_embedder(settings.embed_model, settings.models_dir)
        model = stack.enter_context(contextlib.closing(Model(choice.path, gpu_layers(settings))))
        gate = gate or ComputeGate()
        embedder = LlamaEmbedder(model, n_threads(settings), gate)
        stack.enter_context(contextlib.closing(embedder))
        reranker = _open_reranker(settings, gate, stack)
        documents = Documents(store)
        retriever = Retriever(
            Vectors(store, settings.vector_memory_mb * 2**20),
            Lexical(store),
            Places(store),
            embedder,
            mmr_lambda=settings.mmr_lambda,
            reranker=reranker,
        )
        index = Index(store)
        older = stack.enter_context(older_embedder(settings, index, embedder, gate))
        reembedding = Reembedding(index, retriever, embedder, older)
        stack.callback(reembedding.close)
        sandbox = stack.enter_context(Sandbox(settings.read_timeout_s))
        max_bytes = settings.max_file_mb * 1024**2
        ingester = Ingester(
            documents,
            embedder,
            settings.chunk_words,
            embedder.count_tokens,
            embedder.max_tokens,
            sandbox=sandbox,
            max_bytes=max_bytes,
        )
        listing, turns = Listing(store), FairLock()
        intake = Intake(ingester, listing, turns, sandbox, max_bytes)
        watch = None
        if settings.watch_dir is not None:
            watch = Watch(Shelf(settings.watch_dir, ingester, documents, turns, settings.tenant))
            stack.callback(watch.close)
        yield Library(
            store, documents, embedder, ingester, retriever, listing, intake, turns, reembedding,
            log, watch, reranker,
        )  # fmt: skip


def _open_reranker(
    settings: Settings, gate: ComputeGate, stack: contextlib.ExitStack
) -> LlamaReranker | None:
    path = choose_reranker(settings.rerank_model)
    if path is None:
        return None
    model = stack.enter_context(contextlib.closing(Model(path, gpu_layers(settings))))
    reranker = LlamaReranker(model, n_threads(settings), gate)
    return stack.enter_context(contextlib.closing(reranker))
