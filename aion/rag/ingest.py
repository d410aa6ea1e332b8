"""The door to ingestion: paths, or a document read elsewhere, to stored documents.

It keeps no state of its own. Stopped at any point and started again, it skips what is already in; several
processes may ingest the same files at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from aion.rag.batch import Batch
from aion.rag.draft import Drafting
from aion.rag.ingestion import Ingestion, Parts, Progress
from aion.rag.load import MAX_FILE_BYTES
from aion.rag.readers.sandbox import Sandbox
from aion.rag.roots import scan
from aion.rag.summary import Summary
from aion.store.documents import Documents
from aion.types import Embedder, LoadedDocument

__all__ = ["Ingester", "Progress", "Summary"]


class Ingester:
    """Puts documents into the store, with vectors of one embedder or, without one, for lexical search only.
    One ingestion at a time in a process; others may read, and other processes ingest."""

    def __init__(
        self,
        documents: Documents,
        embedder: Embedder | None,
        chunk_words: int = 120,
        count_tokens: Callable[[str], int] | None = None,
        max_tokens: int | None = None,
        *,
        sandbox: Sandbox | None = None,
        max_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        """`count_tokens` and `max_tokens`, of the embedder, keep chunks within what it can read. `sandbox`,
        the caller's, reads what is not plain text; `max_bytes` is the largest file."""
        drafting = Drafting(chunk_words, count_tokens, max_tokens)
        self._parts = Parts(documents, embedder, drafting, sandbox, max_bytes)

    def ingest(
        self,
        paths: Sequence[Path],
        tenant: str,
        progress: Progress | None = None,
        prune: bool = False,
        *,
        tags: Sequence[str] = (),
        folder: Path | None = None,
        summary: Summary | None = None,
        leaves_stale: bool = False,
    ) -> Summary:
        """Store all documents at `paths`, files or folders; what fails is in the summary, the rest goes on.

        A document is skipped when its content is what is stored and it has vectors of this embedder; with
        `leaves_stale` although it has none, where somebody else computes them from the stored text. With
        `prune`, documents of these paths whose files are gone are removed. All bear `tags` besides their
        own. With `folder`, files are named as in it, as if it had been given. `summary` is counted up
        meanwhile, for who interrupts. Raises StoreError.
        """
        summary = Summary() if summary is None else summary
        found = scan(paths, folder)
        ingestion = Ingestion(
            self._parts, tenant, tuple(tags), found, summary, progress or (lambda *_: None), is_pruning=prune,
            leaves_stale=leaves_stale,
        )  # fmt: skip
        ingestion.store_files()
        ingestion.remove_gone()
        return summary

    def store(self, tenant: str, document: LoadedDocument) -> Literal["added", "changed", "unchanged"]:
        """Store one document that was read elsewhere: an upload, a page.

        Raises StoreError, EngineFailed, and InvalidRequest when it has no location and its source is
        that of a document with one.
        """
        told = [document.title, document.date, document.language, *document.tags]
        told_hash = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
        draft = self._parts.drafting.draft(document, told_hash)
        batch = Batch(self._parts.documents, self._parts.embedder, tenant, Summary(), lambda: None)
        return batch.store([draft])[0].outcome
