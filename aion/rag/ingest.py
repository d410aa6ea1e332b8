"""Paths to stored documents: walks folders, skips what is unchanged, stores each document at once.

It keeps no state of its own. Stopped half-way and started again, it skips what is already in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from aion.errors import DocumentError, EngineFailed, InvalidRequest
from aion.rag.chunk import chunk
from aion.rag.load import READERS, parse, printable, read_bytes, source_of, walk
from aion.rag.stem import stems
from aion.store.documents import Documents
from aion.types import Chunk, Embedder, LoadedDocument, Vectors

BATCH = 32  # chunks embedded together
READING = 1  # raised when readers or chunks change, so that stored documents are read again

Progress = Callable[[int, int, str], None]
"""Called as (files done, files in all, source) before each file, and with "" after the last."""


@dataclass(slots=True)
class Summary:
    """What became of each file. `failed` has (source, reason); `ignored` counts files of unknown kinds."""

    added: int = 0
    changed: int = 0
    skipped: int = 0
    ignored: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


class Ingester:
    """Puts documents into the store for one embedder. One ingestion at a time; others may read."""

    def __init__(
        self,
        documents: Documents,
        embedder: Embedder,
        chunk_words: int = 120,
        count_tokens: Callable[[str], int] | None = None,
        max_tokens: int | None = None,
    ) -> None:
        """`count_tokens` and `max_tokens`, of the embedder, keep chunks within what it can read."""
        self._documents = documents
        self._embedder = embedder
        self._chunk_words = chunk_words
        self._count_tokens = count_tokens
        self._max_tokens = max_tokens

    def ingest(self, paths: Sequence[Path], tenant: str, progress: Progress | None = None) -> Summary:
        """Store all documents at `paths`, files or folders; what fails is in the summary, the rest goes on.

        A document is skipped when its content is what is stored and it has vectors of this embedder.
        Documents whose files are gone stay. Raises StoreError.
        """
        summary = Summary()
        files = list(self._files(paths, summary))
        stale = self._documents.needs_vectors(tenant, self._embedder.name)
        seen: dict[str, Path] = {}
        for n_done, (path, source) in enumerate(files):
            if progress is not None:
                progress(n_done, len(files), source)
            try:
                self._refuse_namesake(seen, path, source)
                self._ingest_file(tenant, path, source, source in stale, summary)
            except (DocumentError, EngineFailed, InvalidRequest) as error:
                summary.failed.append((source, error.message))
        if progress is not None:
            progress(len(files), len(files), "")
        return summary

    def _files(self, paths: Sequence[Path], summary: Summary) -> Iterator[tuple[Path, str]]:
        def unreadable(error: OSError) -> None:
            folder = printable(error.filename)
            summary.failed.append(
                (folder, f"{folder} may not be listed; give yourself permission (chmod u+rx).")
            )

        for given in paths:
            if not given.is_dir():
                yield given, source_of(given)
                continue
            for path in walk(given, unreadable):
                if path.suffix.lower() in READERS:
                    yield path, source_of(path, given)
                else:
                    summary.ignored += 1

    @staticmethod
    def _refuse_namesake(seen: dict[str, Path], path: Path, source: str) -> None:
        first = seen.setdefault(source, path)
        if os.path.abspath(first) != os.path.abspath(path):
            raise DocumentError(
                f"{printable(path)} would be named {source}, as {printable(first)} is; "
                "ingest the folder that holds both."
            )

    def _ingest_file(self, tenant: str, path: Path, source: str, is_stale: bool, summary: Summary) -> None:
        document = self._read(path, source)
        stored = self._documents.find_hash(tenant, source)
        if stored == document.content_hash and not is_stale:
            summary.skipped += 1
            return
        chunks = chunk(document, self._chunk_words, self._count_tokens, self._max_tokens)
        stemmed = [(" ".join(stems(piece.title)), " ".join(stems(piece.text))) for piece in chunks]
        vectors = self._embed(chunks)
        self._documents.replace(
            tenant, document, chunks, stemmed, embedder=self._embedder.name, vectors=vectors
        )
        if stored is None:
            summary.added += 1
        else:
            summary.changed += 1

    def _read(self, path: Path, source: str) -> LoadedDocument:
        """The document, its hash telling also how it is cut: with another chunk size it is another."""
        document = parse(path, read_bytes(path), source)
        return replace(document, content_hash=f"{document.content_hash}/{READING}/{self._chunk_words}")

    def _embed(self, chunks: Sequence[Chunk]) -> Vectors:
        texts = [piece.text for piece in chunks]
        batches = (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
        return np.concatenate([self._embedder.embed_passages(batch) for batch in batches])
