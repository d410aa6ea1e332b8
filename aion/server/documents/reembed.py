"""Another embedding model than the one the documents were read with: until all chunks have vectors of the new
one, questions are embedded with the old one, and a thread computes the new vectors between answers.

What is missing is asked of the store, so a process that is killed goes on where it was. The old vectors stay,
for going back costs nothing then; `aion index rebuild` drops them.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aion.engine.catalog import EMBED_FILE, embedded_file
from aion.engine.embedder import LlamaEmbedder, embedder_name
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.errors import AionError, ModelError
from aion.rag.index import fill_vectors
from aion.rag.retrieve import Retriever
from aion.server.loading import gpu_layers, n_threads
from aion.settings import Settings
from aion.store.index import Index

_LOOK_AGAIN_S = 10.0  # for what other processes did, or after a failure
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reembedded:
    """How many chunks have a vector of the configured embedder, of how many."""

    done: int
    total: int


class Reembedding:
    """Says which embedder answers, and computes what the configured one lacks. `start` and `close` from one
    thread; the rest from any."""

    def __init__(
        self, index: Index, retriever: Retriever, embedder: LlamaEmbedder, older: LlamaEmbedder | None
    ) -> None:
        """`older` answers until `embedder` has as many vectors. Raises StoreError."""
        self._index = index
        self._retriever = retriever
        self._embedder = embedder
        self._older = older
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._choose()

    @property
    def progress(self) -> Reembedded | None:
        """None when no chunk lacks a vector. Raises StoreError."""
        total = self._index.count_texts()
        done = self._index.count_vectors(self._embedder.name)
        return Reembedded(done, total) if done < total else None

    @property
    def notice(self) -> str:
        """What an operator should know of it; "" when no chunk lacks a vector. Raises StoreError."""
        progress = self.progress
        if progress is None:
            return ""
        missing = f"{progress.total - progress.done} of {progress.total} chunks have no vector of"
        if self._older is not None and self._answering is self._older:
            way = f"questions are searched with those of {self._older.name} until all have one"
        elif self._answering is None:
            way = "questions are searched by their words only until they have"
        else:
            way = "these are found by their words only"
        return (
            f"{missing} {self._embedder.name} yet; {way}. aion serve computes them while it answers, "
            "aion index rebuild at once."
        )

    def start(self) -> None:
        """Compute in a thread of its own. The compute gate lets answers and questions go first."""
        self._thread = threading.Thread(target=self._run, name="re-embedding", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after the batch it is at."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                if self.progress is not None:
                    fill_vectors(self._index, self._embedder, self._embedder.name, _ignore, self._goes_on)
                self._choose()  # another process may have computed them, and dropped the old
            except AionError as error:
                _LOG.warning("Vectors of %s could not be computed: %s", self._embedder.name, error.message)
            self._closing.wait(_LOOK_AGAIN_S)

    def _goes_on(self) -> bool:
        return not self._closing.is_set()

    def _choose(self) -> None:
        """The one with most vectors answers, the configured one when it has as many; none without any."""
        mine = self._index.count_vectors(self._embedder.name)
        theirs = self._index.count_vectors(self._older.name) if self._older else 0
        answering = self._older if theirs > mine else self._embedder if mine else None
        if self._index.count_texts() == 0:
            answering = self._embedder
        self._answering = answering
        self._retriever.use(answering)


@contextlib.contextmanager
def older_embedder(
    settings: Settings, index: Index, embedder: LlamaEmbedder, gate: ComputeGate
) -> Iterator[LlamaEmbedder | None]:
    """The embedder with more vectors in the store than the configured one, when its file is still here: in
    the models folder, beside AION_EMBED_MODEL, or the embedded one. None otherwise."""
    mine = index.count_vectors(embedder.name)
    others = [row.name for row in index.embedders() if row.n_vectors > mine]
    path = _find(settings, others) if others else None
    if path is None:
        yield None
        return
    with (
        contextlib.closing(Model(path, gpu_layers(settings))) as model,
        contextlib.closing(LlamaEmbedder(model, n_threads(settings), gate)) as older,
    ):
        yield older


def _find(settings: Settings, names: list[str]) -> Path | None:
    """The file of the first of the embedders whose file is here."""
    found: dict[str, Path] = {}
    for path in _files(settings):
        with contextlib.suppress(ModelError), contextlib.closing(Model(path, weights=False)) as model:
            found.setdefault(embedder_name(model), path)
    return next((found[name] for name in names if name in found), None)


def _files(settings: Settings) -> list[Path]:
    folders = [settings.models_dir]
    if settings.embed_model is not None:
        folders.append(settings.embed_model.parent)
    files = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("[!.]*.gguf"))]
    with contextlib.suppress(ModelError):
        files.append(embedded_file(EMBED_FILE, settings.models_dir))
    return list(dict.fromkeys(path.resolve() for path in files))


def _ignore(_done: int, _total: int) -> None:
    pass
