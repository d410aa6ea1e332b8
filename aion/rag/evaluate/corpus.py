"""Passages of a question set into a store, one document each, cut and indexed as any document is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from aion.errors import DocumentError
from aion.rag.batch import Batch
from aion.rag.draft import Drafting
from aion.rag.evaluate.folder import LabelledPassage
from aion.rag.summary import Summary
from aion.store.documents import Documents
from aion.types import Embedder, LoadedDocument, Section

Progress = Callable[[int, int], None]
"""Called as (passages done, passages in all)."""


def store_passages(
    documents: Documents,
    embedder: Embedder | None,
    drafting: Drafting,
    tenant: str,
    passages: Sequence[LabelledPassage],
    progress: Progress,
) -> Summary:
    """Make the tenant's documents those of `passages`, the id of each its source; what is there already is
    not computed again. Raises DocumentError naming a passage that cannot be stored."""
    _forget_others(documents, tenant, {passage.id for passage in passages})
    summary, n_done = Summary(), 0
    batch = Batch(documents, embedder, tenant, summary, lambda: progress(n_done, len(passages)))
    for n_done, passage in enumerate(passages):
        progress(n_done, len(passages))
        batch.add(drafting.draft(_document(passage)))
    batch.flush()
    progress(len(passages), len(passages))
    if summary.failed:
        source, reason = summary.failed[0]
        raise DocumentError(f"Passage {source!r} cannot be indexed: {reason}")
    return summary


def _document(passage: LabelledPassage) -> LoadedDocument:
    content = f"{passage.title}\0{passage.text}".encode("utf-8", "surrogatepass")
    return LoadedDocument(
        source=passage.id,
        title=passage.title,
        sections=(Section((), passage.text, 1),),
        content_hash=hashlib.sha256(content).hexdigest(),
        n_bytes=len(content),
    )


def _forget_others(documents: Documents, tenant: str, sources: Iterable[str]) -> None:
    wanted = set(sources)
    gone = [row.id for row in documents.list(tenant) if row.source not in wanted]
    documents.delete_all(tenant, gone)
