"""Collections of a question set's passages with some articles left out, and what questions find there."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aion.rag.draft import Drafting
from aion.rag.evaluate.corpus import store_passages
from aion.rag.evaluate.folder import LabelledPassage
from aion.rag.retrieve import Retriever
from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.lexical import Lexical
from aion.store.places import Places
from aion.store.vectors import Vectors
from aion.types import Embedder
from aion.types import Vectors as VectorArray

TENANT = "t"
CHUNK_WORDS = 120


@dataclass(frozen=True, slots=True)
class Passage:
    id: str
    title: str
    text: str
    split: str


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    passage: str | None


@dataclass(frozen=True, slots=True)
class Corpus:
    """A folder's passages by id and its questions; an article is all passages of one title."""

    passages: dict[str, Passage]
    questions: tuple[Question, ...]

    def articles(self, split: str | None = None) -> dict[str, list[Passage]]:
        found: dict[str, list[Passage]] = {}
        for passage in self.passages.values():
            if split in (None, passage.split):
                found.setdefault(passage.title, []).append(passage)
        return found

    def of(self, passages: Sequence[Passage]) -> list[Question]:
        """The questions these passages answer."""
        ids = {passage.id for passage in passages}
        return [question for question in self.questions if question.passage in ids]


def read(folder: Path) -> Corpus:
    lines = (folder / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    passages = [json.loads(line) for line in lines]
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    return Corpus(
        {p["id"]: Passage(p["id"], p["title"], p["text"], p.get("split", "")) for p in passages},
        tuple(Question(q["question"], q["passage"]) for q in questions),
    )


@contextmanager
def indexed(passages: Sequence[Passage], embedder: Embedder | None) -> Iterator[Retriever]:
    """A retriever as the product's over a store of these passages, a document each; gone at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="aion-confidence-") as folder,
        Store(Path(folder, "c.db")) as store,
    ):
        drafting = Drafting(CHUNK_WORDS)
        labelled = [LabelledPassage(p.id, p.title, p.text) for p in passages]
        store_passages(Documents(store), embedder, drafting, TENANT, labelled, lambda *_: None)
        yield Retriever(Vectors(store), Lexical(store), Places(store), embedder)


def collection(
    articles: dict[str, list[Passage]], size: int, chosen: random.Random
) -> tuple[list[Passage], list[Passage], list[Passage]]:
    """At most `size` passages of one to all articles but a quarter of them; the other passages of these
    articles; the passages of the articles that were left out."""
    names = list(articles)
    chosen.shuffle(names)
    n_out = max(1, len(names) // 4) if size < 1500 else 6
    out, names = names[:n_out], names[n_out:]
    if size < 200:  # a small collection is about a few things
        names = names[: chosen.choice([1, 2, 4, len(names)])]
    pool = [passage for name in names for passage in articles[name]]
    chosen.shuffle(pool)
    return pool[:size], pool[size:], [passage for name in out for passage in articles[name]]


class RememberingEmbedder:
    """`Embedder` that computes each text once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[tuple[bool, str], VectorArray] = {}
        self.name, self.n_dims = embedder.name, embedder.n_dims

    def embed_passages(self, texts: Sequence[str]) -> VectorArray:
        new = [text for text in dict.fromkeys(texts) if (False, text) not in self._known]
        for start in range(0, len(new), 64):
            some = new[start : start + 64]
            vectors = self._embedder.embed_passages(some)
            self._known |= {(False, text): vector for text, vector in zip(some, vectors, strict=True)}
        return np.stack([self._known[False, text] for text in texts])

    def embed_query(self, text: str) -> VectorArray:
        if (True, text) not in self._known:
            self._known[True, text] = self._embedder.embed_query(text)
        return self._known[True, text]
