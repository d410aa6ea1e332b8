"""Documents made up on the spot, and what must hold between the tables whatever was done."""

from __future__ import annotations

from collections.abc import Sequence

import apsw
import numpy as np

from aion.store.chunk_rows import Piece
from aion.store.connection import Store
from aion.store.document_writes import Prepared
from aion.store.documents import Documents
from aion.types import Chunk, LoadedDocument, Vectors

N_DIMS = 4


def unit(seed: int, n_dims: int = N_DIMS) -> Vectors:
    """A vector of length 1 that depends on `seed` only."""
    vector = np.random.default_rng(seed).standard_normal(n_dims)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def put(
    store: Store, tenant: str, source: str, texts: Sequence[str], embedder: str = "e", n_dims: int = N_DIMS
) -> int:
    """Store a document of one chunk a text; a text is its own stem and seeds its vector by its length."""
    document = LoadedDocument(source, source.upper(), (), f"hash of {texts}", 10)
    chunks = [Chunk(document.title, text, n + 1) for n, text in enumerate(texts)]
    vectors = np.stack([unit(len(text), n_dims) for text in texts])
    stems = [("", text) for text in texts]
    pieces = (
        Piece(chunk, stem, None, vector) for chunk, stem, vector in zip(chunks, stems, vectors, strict=True)
    )
    (stored,) = Documents(store).store(tenant, [Prepared(document, tuple(pieces))], embedder)
    return stored.id


def full_text_tables(db: apsw.Connection) -> list[str]:
    """The tables of all tenants' full-text indexes."""
    return [f"lexical_{id_}" for (id_,) in db.execute("SELECT id FROM lexical_indexes ORDER BY id")]


def ids_by_table(store: Store, embedder_id: int = 1) -> tuple[set[int], set[int], set[int]]:
    """Ids of all chunks, full-text rows and vectors, of whichever tenant."""
    with store.read() as db:
        chunks = {row[0] for row in db.execute("SELECT id FROM chunks")}
        texts = {row[0] for table in full_text_tables(db) for row in db.execute(f"SELECT rowid FROM {table}")}
        vectors = {row[0] for row in db.execute(f"SELECT rowid FROM vectors_{embedder_id}")}
    return chunks, texts, vectors
