"""The documents of one tenant as something to leave out: alone, or with what is about the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from aion.rag.stem import stems
from aion.store.listing import ChunkText, Listed, Listing
from aion.types import Vectors as VectorArray

_NEAR_SHARE = 0.25  # of the documents that are taken for the surroundings of one
_MOST_NEAR = 2_000  # chunks of these
_MAX_REMEMBERED = 20_000  # chunks whose stems are kept, about 80 MB

Chunks = Mapping[int, frozenset[str]]
"""Ids of chunks with text, as the indexes know them, with their stems."""


@dataclass(slots=True)
class Shelf:
    """The documents, and in which languages questions are asked. Keeps what it read; of one thread."""

    tenant: str
    listing: Listing
    documents: Sequence[Listed]
    languages: Sequence[str]
    _texts: dict[int, tuple[ChunkText, ...]] = field(default_factory=dict)
    _chunks: dict[int, Chunks] = field(default_factory=dict)
    _centres: VectorArray | None = None
    _ids: tuple[int, ...] = ()

    @property
    def n_chunks(self) -> int:
        """Chunks in the indexes: twins count once."""
        return len(self.chunk_ids())

    def chunk_ids(self) -> tuple[int, ...]:
        """All that the indexes know."""
        if not self._ids:
            ids = (indexed_id(chunk) for document in self.documents for chunk in self.texts(document))
            self._ids = tuple(dict.fromkeys(ids))
        return self._ids

    def texts(self, document: Listed) -> tuple[ChunkText, ...]:
        """The chunks of a document in order, each with its words."""
        if document.id not in self._texts:
            self._texts[document.id] = self.listing.chunks(self.tenant, document.id)
        return self._texts[document.id]

    def chunks(self, documents: Sequence[Listed]) -> Chunks:
        """All chunks of these."""
        if sum(map(len, self._chunks.values())) > _MAX_REMEMBERED:
            self._chunks.clear()
        for document in documents:
            if document.id not in self._chunks:
                held = {indexed_id(c): self.stems(document, c.text) for c in self.texts(document)}
                self._chunks[document.id] = held
        return {id_: held for document in documents for id_, held in self._chunks[document.id].items()}

    def stems(self, document: Listed, text: str) -> frozenset[str]:
        """What the index has of a chunk, in the languages questions are asked in."""
        whole = f"{document.title}\n{text}"
        return frozenset(stem for language in self.languages for stem in stems(whole, language))

    def place(self, vectors: Mapping[int, VectorArray]) -> None:
        """Learn where documents lie from vectors of chunks, by id; one without any lies nowhere."""
        if not vectors:
            return
        n_dims = len(next(iter(vectors.values())))
        centres = np.zeros((len(self.documents), n_dims), dtype=np.float32)
        for n, document in enumerate(self.documents):
            held = [vectors[id_] for chunk in self.texts(document) if (id_ := indexed_id(chunk)) in vectors]
            if held:
                centre = np.mean(held, axis=0)
                centres[n] = centre / max(float(np.linalg.norm(centre)), 1e-9)
        self._centres = centres

    def surroundings(self, documents: Sequence[Listed]) -> list[Listed]:
        """These, all of the same titles, and the documents nearest to them: their topic, so to say."""
        titles = {document.title for document in documents}
        found = {d.id: d for d in self.documents if d.title in titles} | {d.id: d for d in documents}
        n_near = int(_NEAR_SHARE * len(self.documents))
        if self._centres is not None and n_near:
            inside = [n for n, d in enumerate(self.documents) if d.id in {own.id for own in documents}]
            cosines = self._centres @ self._centres[inside].mean(axis=0)
            nearest = [self.documents[n] for n in np.argsort(-cosines)[:n_near]]
            n_chunks = np.cumsum([document.n_chunks for document in nearest])
            found |= {d.id: d for d, n in zip(nearest, n_chunks, strict=True) if n <= _MOST_NEAR}
        return list(found.values())


def indexed_id(chunk: ChunkText) -> int:
    """The id a chunk has in the indexes: that of the first of its twins."""
    return chunk.id if chunk.twin_of is None else chunk.twin_of
