"""Checks and rebuilds the index of the operator's store with the embedder that is configured."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from aion.errors import StoreError
from aion.rag.index import rebuild_texts, rebuild_vectors
from aion.rag.index_check import Problem, check
from aion.server.library import open_library
from aion.settings import Settings
from aion.store.connection import Store
from aion.store.index import Index
from aion.store.integrity import Integrity
from aion.store.vectors import Vectors

Progress = Callable[[str, int, int], None]
"""Called as (what, chunks done, chunks in all)."""


def check_index(settings: Settings, looking: Callable[[str], None]) -> list[Problem]:
    """All that is wrong with the index; `looking` is told what is looked at. Raises StoreError."""
    _refuse_absent(settings)
    with open_library(settings) as library:
        store = library.store
        in_file = Vectors(store, memory_bytes=0)
        return check(Index(store), Integrity(store), in_file, library.embedder.name, looking)


def rebuild_index(settings: Settings, *, vectors: bool, texts: bool, progress: Progress) -> list[str]:
    """Make the named indexes again and give back unused space; returns the embedders whose vectors were
    dropped as not in use. Raises StoreError."""
    _refuse_absent(settings)
    dropped: list[str] = []
    with contextlib.ExitStack() as stack:
        if vectors:
            library = stack.enter_context(open_library(settings))
            store = library.store
        else:
            store = stack.enter_context(Store(settings.db))
        index = Index(store)
        if texts:
            rebuild_texts(index, lambda done, total: progress("full text", done, total))
        if vectors:
            dropped = rebuild_vectors(
                index, library.embedder, lambda done, total: progress("vectors", done, total)
            )
        index.vacuum()
    return dropped


def _refuse_absent(settings: Settings) -> None:
    """A store that is not there is not made by looking at it."""
    if not settings.db.exists():
        raise StoreError(
            f"{settings.db} does not exist; name the store with --db or AION_DB, or ingest documents first.",
            param="AION_DB",
        )
