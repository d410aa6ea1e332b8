from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aion.rag.ingest import Ingester
from aion.rag.retrieve import Retriever
from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.lexical import Lexical
from aion.store.places import Places
from aion.store.vectors import Vectors
from tests.rag.hashing import HashingEmbedder


@dataclass(frozen=True)
class Library:
    """A store on disk with all that ingests into it and retrieves from it."""

    store: Store
    documents: Documents
    embedder: HashingEmbedder
    ingester: Ingester
    retriever: Retriever


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Store(tmp_path / "aion.db") as store:
        documents, embedder = Documents(store), HashingEmbedder()
        retriever = Retriever(Vectors(store), Lexical(store), Places(store), embedder)
        yield Library(store, documents, embedder, Ingester(documents, embedder), retriever)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three documents about Sintra, one in each kind."""
    root = tmp_path / "sintra"
    root.mkdir()
    (root / "full-day.md").write_text(
        "# Tour full-day\n\nO tour full-day dura oito horas e inclui almoço.\n\n"
        "## Preço\n\nCusta 95 € por adulto.\n"
    )
    (root / "half-day.txt").write_text(
        "Tour half-day\n\nO tour half-day dura quatro horas.\n\nPREÇO\n\nCusta 55 € por adulto.\n"
    )
    (root / "pena.html").write_text(
        "<html><head><title>Pena</title></head><body><nav>Menu</nav>"
        "<h1>Palácio da Pena</h1><p>O palácio abre às 9h30.</p></body></html>"
    )
    return root
