"""Documents of any number made of a question set's sentences, and vectors that lie as embeddings do."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from aion.rag.sentences import split_sentences
from aion.rag.stem import stems
from aion.types import Vectors

CHUNK_WORDS = 120
_CHUNKS_A_FILE = 20
_OTHER_SHARE = 0.2  # of sentences that come from another article, so that no two chunks are alike


def read_lines(path: Path) -> list[dict[str, str]]:
    """The objects of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def write_files(data: Path, folder: Path, n_chunks: int) -> None:
    """Write Markdown files with `n_chunks` sections of CHUNK_WORDS words, each a chunk when ingested."""
    chosen = random.Random(n_chunks)
    texts = _chunk_texts(read_lines(data / "passages.jsonl"), chosen)
    folder.mkdir(parents=True)
    for number, start in enumerate(range(0, n_chunks, _CHUNKS_A_FILE)):
        parts = [next(texts) for _ in range(min(_CHUNKS_A_FILE, n_chunks - start))]
        sections = "".join(f"## {title}\n\n{text}\n\n" for title, text in parts)
        Path(folder, f"{number:06}.md").write_text(f"# {parts[0][0]} {number}\n\n{sections}")


def _chunk_texts(passages: Sequence[dict[str, str]], chosen: random.Random) -> Iterator[tuple[str, str]]:
    """(title, text) without end: sentences of one article, some of others, CHUNK_WORDS words in all."""
    articles: dict[str, list[str]] = {}
    for passage in passages:
        articles.setdefault(passage["title"], []).extend(split_sentences(passage["text"]))
    titles, everything = list(articles), [sentence for found in articles.values() for sentence in found]
    while True:
        title = chosen.choice(titles)
        words: list[str] = []
        while len(words) < CHUNK_WORDS:
            pool = everything if chosen.random() < _OTHER_SHARE else articles[title]
            words += chosen.choice(pool).lstrip("#-*>|").split()
        yield title.strip("# "), " ".join(words[:CHUNK_WORDS]).rstrip(".") + "."


class ProjectingEmbedder:
    """`Embedder` without a model: a text is the sum of a random direction a stem, rare stems weighing more,
    and some noise. Texts of one article are near, as they are for a real one. Keeps what it embedded."""

    def __init__(self, n_dims: int) -> None:
        self.name = f"projection:{n_dims}"
        self.n_dims = n_dims
        self.embedded: list[Vectors] = []
        self._directions: dict[str, Vectors] = {}
        self._counts: dict[str, int] = {}
        self._noise = np.random.default_rng(0)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = np.stack([self._project(text, 0.5) for text in texts])
        self.embedded.append(vectors)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        return self._project(text, 0.2)

    def _project(self, text: str, noise: float) -> Vectors:
        found = set(stems(text)) or {""}
        for stem in found:
            self._counts[stem] = self._counts.get(stem, 0) + 1
        total = np.stack([self._direction(stem) / self._counts[stem] ** 0.3 for stem in found]).sum(axis=0)
        total /= np.linalg.norm(total)
        total += self._noise.standard_normal(self.n_dims, dtype=np.float32) * np.float32(
            noise / self.n_dims**0.5
        )
        vector: Vectors = (total / np.linalg.norm(total)).astype(np.float32)
        return vector

    def _direction(self, stem: str) -> Vectors:
        if stem not in self._directions:
            made = np.random.default_rng(zlib.crc32(stem.encode())).standard_normal(self.n_dims, np.float32)
            self._directions[stem] = made
        return self._directions[stem]
