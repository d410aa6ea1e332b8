"""The ways to search that are measured: as the product does without an embedder, by vectors alone, and as it
does with both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from aion.rag.evaluate.run import Search
from aion.rag.retrieve import Retriever
from aion.store.documents import Documents
from aion.store.vectors import MAX_K, Vectors
from aion.types import Embedder, Passage
from aion.types import Vectors as VectorArray

Mode = Literal["lexical", "dense", "hybrid"]
MODES: tuple[Mode, ...] = get_args(Mode)

N_NEAREST = 24  # of each list, as the product asks for
Find = Callable[[str], Sequence[Passage]]


@dataclass(frozen=True, slots=True)
class Searcher:
    """One tenant's documents, to be searched in any mode. `lexical` and `hybrid` retrieve, one without an
    embedder and one with. Safe for threads."""

    tenant: str
    documents: Documents
    vectors: Vectors
    embedder: Embedder
    lexical: Retriever
    hybrid: Retriever

    def find(self, mode: Mode) -> Find:
        """Passages by one mode, best first."""
        if mode == "dense":
            return self._nearest
        retriever = self.lexical if mode == "lexical" else self.hybrid
        return lambda question: retriever.retrieve(self.tenant, question, N_NEAREST, N_NEAREST).passages

    def by_source(self, mode: Mode) -> Search:
        """Sources, for documents that are one passage each."""
        return by_source(self.find(mode))

    def _nearest(self, question: str) -> list[Passage]:
        query = self.embedder.embed_query(question)
        cosines = dict(self.vectors.nearest(self.tenant, self.embedder.name, query, MAX_K))
        rows = self.documents.chunks_by_id(self.tenant, list(cosines))
        return [
            Passage(
                n, row.id, row.document_id, row.source, row.title, row.text, row.line,
                cosines[row.id], cosines[row.id], 0.0,
            )
            for n, row in enumerate((rows[id_] for id_ in cosines if id_ in rows), 1)
        ]  # fmt: skip


def by_source(find: Find) -> Search:
    """The sources of what is found, for documents that are one passage each."""
    return lambda question: [passage.source for passage in find(question)]


class RememberingEmbedder:
    """`Embedder` that embeds each question once; for who asks the same ones again and again."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._queries: dict[str, VectorArray] = {}

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def n_dims(self) -> int:
        return self._embedder.n_dims

    def embed_passages(self, texts: Sequence[str]) -> VectorArray:
        return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> VectorArray:
        if text not in self._queries:
            self._queries[text] = self._embedder.embed_query(text)
        return self._queries[text]
