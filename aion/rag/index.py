"""Both indexes made again from the stored texts, in small steps: killed at any point, the next run goes on.

Others search, ask and ingest meanwhile: what is built stands beside what is in use and takes its place when
it is whole. Knows no SQL.
"""

from __future__ import annotations

from collections.abc import Callable

from aion.rag.stem import stem_text
from aion.store.index import Index, IndexText
from aion.types import Embedder

EMBED_BATCH = 16  # chunks: about a second of one core with a large embedder
_STEM_BATCH = 512

Progress = Callable[[int, int], None]
"""Called as (chunks done, chunks in all)."""


def fill_vectors(
    index: Index, embedder: Embedder, name: str, progress: Progress, goes_on: Callable[[], bool] | None = None
) -> bool:
    """Give every chunk that lacks one a vector under `name`; True when none lacks any.

    `goes_on` is asked after each batch, and ends the work by False. Raises StoreError,
    EngineFailed; what was stored before stays.
    """
    after, n_done, n_in_all = 0, index.count_vectors(name), index.count_texts()
    progress(n_done, n_in_all)
    while texts := index.without_vector(name, EMBED_BATCH, after):
        index.add_vectors(name, texts, embedder.embed_passages([text.text for text in texts]))
        after = texts[-1].id
        n_done += len(texts)
        progress(n_done, max(n_done, n_in_all))
        if goes_on is not None and not goes_on():
            return False
    return after == 0 or fill_vectors(index, embedder, name, progress, goes_on)


def rebuild_vectors(index: Index, embedder: Embedder, progress: Progress) -> list[str]:
    """Vectors of all texts anew; returns the names of other embedders, whose vectors are dropped."""
    while not index.take_new_vectors(embedder.name):
        fill_vectors(index, embedder, index.new_vectors(embedder.name), progress)
    others = [row.name for row in index.embedders() if row.name != embedder.name]
    for name in others:
        index.drop_embedder(name)
    return others


def rebuild_texts(index: Index, progress: Progress) -> None:
    """The full-text indexes of all tenants anew, from stems made now."""
    n_others = 0
    for tenant in index.tenants():
        while True:
            n_done, after = n_others + index.count_new_stems(tenant), 0
            while texts := index.without_new_stems(tenant, _STEM_BATCH, after):
                index.add_new_stems(tenant, texts, [stem_pair(text) for text in texts])
                after = texts[-1].id
                n_done += len(texts)
                progress(n_done, max(n_done, index.count_texts()))
            if index.take_new_texts(tenant):
                break
        n_others = n_done


def stem_pair(text: IndexText) -> tuple[str, str]:
    """The stems of title and text, as the full-text index has them."""
    return stem_text(text.title, text.language), stem_text(text.text, text.language)
