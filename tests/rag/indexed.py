"""A store with chunks whose stems and vectors are true, put there without reading any file."""

from __future__ import annotations

from collections.abc import Sequence

from aion.rag.stem import stem_text
from aion.rag.twins import text_hash
from aion.store.chunk_rows import Piece
from aion.store.connection import Store
from aion.store.document_writes import Prepared
from aion.store.documents import Documents
from aion.types import Chunk, LoadedDocument
from tests.rag.hashing import HashingEmbedder

_WORDS = "tour preço horas Pena Regaleira almoço guia trem castelo praia e-bike cancelar chuva noite van"
WORDS = _WORDS.split()


def texts(n: int, first: int = 0) -> list[str]:
    """`n` texts, all different, from a few words."""
    return [
        " ".join(WORDS[(m * k + k) % len(WORDS)] for k in range(1, 9)) + f" {m}"
        for m in range(first, first + n)
    ]


def put(
    store: Store, source: str, bodies: Sequence[str], embedder: HashingEmbedder, tenant: str = "t"
) -> int:
    """Store a document of one chunk a body; returns its id."""
    chunks = [Chunk("Guia", f"Guia\n{body}", n + 1) for n, body in enumerate(bodies)]
    vectors = embedder.embed_passages([chunk.text for chunk in chunks])
    pieces = tuple(
        Piece(chunk, (stem_text(chunk.title), stem_text(chunk.text)), text_hash(chunk), vector)
        for chunk, vector in zip(chunks, vectors, strict=True)
    )
    document = LoadedDocument(source, "Guia", (), f"hash of {bodies}", 10)
    (stored,) = Documents(store).store(tenant, [Prepared(document, pieces)], embedder.name)
    return stored.id
