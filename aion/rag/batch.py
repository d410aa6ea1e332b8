"""Drafts on their way into the store: embedded together, stored together, each whole.

Small documents share a transaction, for its commit takes longer than a small document.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from aion.errors import DocumentError, EngineFailed, InvalidRequest
from aion.rag.draft import Draft
from aion.rag.roots import has_gone
from aion.rag.summary import Summary
from aion.store.chunk_rows import Piece, VectorsMissing
from aion.store.document_writes import Prepared, Stored
from aion.store.documents import Documents
from aion.types import Embedder, Vectors

EMBEDDED_TOGETHER = 32  # chunks of one call
MOST_CHUNKS = 2000  # of one transaction, unless one document has more
MOST_TO_EMBED = 96  # about what the embedded model does in a second on one core
MOST_S = 1.0  # a document waits for others; what waits is lost when the process is killed

Tick = Callable[[], None]


class Batch:
    """Documents of one tenant that wait to be stored. Belongs to one thread."""

    def __init__(
        self, documents: Documents, embedder: Embedder | None, tenant: str, summary: Summary, tick: Tick
    ) -> None:
        """`tick` is called now and then while much is embedded; what it raises ends that."""
        self._documents = documents
        self._embedder = embedder
        self._tenant = tenant
        self._summary = summary
        self._tick = tick
        self._drafts: list[Draft] = []
        self._hashes: dict[str, tuple[bytes, ...]] = {}
        self._n_chunks = 0
        self._since = 0.0
        self.is_busy = False

    def add(self, draft: Draft) -> None:
        """Take a document in, and store what waits when that is enough."""
        if not self._drafts:
            self._since = time.monotonic()
        self._drafts.append(self._as_copy(draft))
        self._n_chunks += len(draft.chunks)
        most = MOST_CHUNKS if self._embedder is None else MOST_TO_EMBED
        if self._n_chunks >= most or self.is_due:
            self.flush()

    @property
    def is_due(self) -> bool:
        return bool(self._drafts) and time.monotonic() - self._since > MOST_S

    def flush(self) -> None:
        """Store what waits. A document that cannot be embedded or stored fails alone. Raises StoreError."""
        drafts = self._drafts
        if not drafts:
            return
        self.is_busy = True
        try:
            self._count(drafts, self.store(drafts))
        except (EngineFailed, InvalidRequest, DocumentError) as error:
            if len(drafts) == 1:
                self._summary.failed.append((drafts[0].document.source, error.message))
            else:
                self._one_by_one(drafts)
        self._drafts, self._hashes, self._n_chunks, self.is_busy = [], {}, 0, False

    def store(self, drafts: list[Draft]) -> list[Stored]:
        """Store these documents in one transaction."""
        vectors = self._embed(drafts, self._stored(drafts)) if self._embedder else {}
        name = self._embedder.name if self._embedder else None
        while True:
            try:
                return self._documents.store(
                    self._tenant, [_prepared(draft, vectors) for draft in drafts], name
                )
            except VectorsMissing as missing:  # what they were twins of has gone meanwhile
                vectors |= self._embed(drafts, _all_hashes(drafts) - missing.hashes)

    def _one_by_one(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            self._drafts = [draft]
            self.flush()

    def _count(self, drafts: list[Draft], stored: list[Stored]) -> None:
        for draft, one in zip(drafts, stored, strict=True):
            match one.outcome:
                case "added":
                    self._summary.added += 1
                case "changed":
                    self._summary.changed += 1
                case "unchanged":
                    self._summary.unchanged += 1
            if one.outcome != "unchanged":
                if draft.document.note:
                    self._summary.notes.append((draft.document.source, draft.document.note))
                self._summary.n_chunks += len(draft.chunks)
                self._summary.n_twins += one.n_twins

    def _as_copy(self, draft: Draft) -> Draft:
        """Where the same bytes are stored under another name, their chunks are its twins, although the name
        may be the title and so in their texts. Not where they were renamed: the old name goes."""
        content_hash = draft.document.content_hash
        location, hashes = "", self._hashes.get(content_hash, ())
        if not hashes:
            location, hashes = self._documents.find_copy(self._tenant, content_hash)
        if len(hashes) == len(draft.hashes) and not has_gone(location):
            draft = replace(draft, hashes=hashes)
        self._hashes[content_hash] = draft.hashes
        return draft

    def _stored(self, drafts: list[Draft]) -> set[bytes]:
        if self._embedder is None:
            return set()
        return self._documents.stored_hashes(self._tenant, _all_hashes(drafts), self._embedder.name)

    def _embed(self, drafts: Iterable[Draft], but: set[bytes]) -> dict[bytes, Vectors]:
        """Vectors of the chunks with other hashes, each hash once; texts of like length together."""
        texts: dict[bytes, str] = {}
        for draft in drafts:
            for text_hash, piece in zip(draft.hashes, draft.chunks, strict=True):
                if text_hash not in but:
                    texts.setdefault(text_hash, piece.text)
        hashes = sorted(texts, key=lambda text_hash: len(texts[text_hash]))
        vectors: dict[bytes, Vectors] = {}
        for start in range(0, len(hashes), EMBEDDED_TOGETHER):
            if start:
                self._tick()
            some = hashes[start : start + EMBEDDED_TOGETHER]
            assert self._embedder is not None
            found = self._embedder.embed_passages([texts[text_hash] for text_hash in some])
            vectors |= zip(some, found, strict=True)
        return vectors


def _all_hashes(drafts: Iterable[Draft]) -> set[bytes]:
    return {text_hash for draft in drafts for text_hash in draft.hashes}


def _prepared(draft: Draft, vectors: dict[bytes, Vectors]) -> Prepared:
    parts = zip(draft.chunks, draft.stems, draft.hashes, strict=True)
    pieces = (Piece(piece, stemmed, key, vectors.get(key)) for piece, stemmed, key in parts)
    return Prepared(draft.document, tuple(pieces), draft.tags)
