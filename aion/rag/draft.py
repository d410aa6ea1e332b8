"""A document made ready for the store, but for its vectors: cut, stemmed, its chunks' twins recognisable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from aion.rag.chunk import chunk
from aion.rag.language import language_of
from aion.rag.stem import stem_text
from aion.rag.twins import text_hash
from aion.types import Chunk, LoadedDocument

READING = 2  # raised when readers or chunks change, so that stored documents are read again

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Draft:
    """A document with its chunks; `stems` and `hashes` are one a chunk, `tags` the operator's."""

    document: LoadedDocument
    chunks: tuple[Chunk, ...]
    stems: tuple[tuple[str, str], ...]
    hashes: tuple[bytes, ...]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drafting:
    """How documents are cut. Stateless; safe for threads when `count_tokens` is."""

    chunk_words: int
    count_tokens: Callable[[str], int] | None = None
    max_tokens: int | None = None

    def stored_hash(self, content_hash: str, told: str = "") -> str:
        """What the store remembers of a content: how it was cut as well, for cut otherwise it is another
        document, and what was `told` of it beside its bytes."""
        return "/".join(filter(None, [content_hash, str(READING), str(self.chunk_words), told]))

    def draft(
        self, document: LoadedDocument, told: str = "", tags: tuple[str, ...] = (), tick: Tick | None = None
    ) -> Draft:
        """Cut a document as a reader returned it. `tick` is called for each chunk; what it raises ends it."""
        document = replace(
            document,
            content_hash=self.stored_hash(document.content_hash, told),
            language=document.language or language_of(document.title, document.sections),
        )
        title = stem_text(document.title, document.language)
        chunks = tuple(chunk(document, self.chunk_words, self.count_tokens, self.max_tokens))
        stemmed, hashes = [], []
        for piece in chunks:
            if tick is not None:
                tick()
            stemmed.append((title, stem_text(piece.text, document.language)))
            hashes.append(text_hash(piece, document.language))
        return Draft(document, chunks, tuple(stemmed), tuple(hashes), tags)
