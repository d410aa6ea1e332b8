"""A store read with one embedding model, opened with another: nothing has to be ingested again."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from aion.engine.catalog import EMBED_FILE, embedded_file
from aion.server.documents.index import rebuild_index
from aion.server.documents.reembed import Reembedded
from aion.server.library import Library, open_library
from aion.server.services import open_services
from aion.store.index import Index
from aion.types import Passage
from tests.server.live import live, settings_in, wait_until

OLD = "aion-embed:256"
QUESTION = "Quanto tempo dura o passeio curto?"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The embedded embedder under another name, which is another embedder to AION."""
    data = embedded_file(EMBED_FILE, Path("models")).read_bytes()
    path = tmp_path / "more" / "other.gguf"
    path.parent.mkdir()
    path.write_bytes(data.replace(b"aion-embed", b"else-embed"))
    return path


def ingest(tmp_path: Path, embed_model: Path | None = None) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for n in range(40):
        (folder / f"tour-{n}.md").write_text(f"# Tour {n}\n\nO passeio {n} custa {n * 3 + 10} €.\n")
    (folder / "half-day.md").write_text("# Tour half-day\n\nO passeio dura quatro horas.\n")
    with open_library(settings_in(tmp_path, embed_model=embed_model)) as library:
        library.ingester.ingest([folder], "default")


def passages(library: Library) -> tuple[Passage, ...]:
    return library.retriever.retrieve("default", QUESTION).passages


def finish(library: Library) -> None:
    library.reembedding.start()
    wait_until(lambda: library.reembedding.progress is None, "all chunks to have a vector")


def test_the_old_vectors_serve_until_all_are_new(tmp_path: Path, other: Path) -> None:
    ingest(tmp_path)
    with open_library(settings_in(tmp_path)) as library:
        assert library.reembedding.progress is None
        assert library.reembedding.notice == ""
        before = passages(library)
    with open_library(settings_in(tmp_path, embed_model=other)) as library:
        assert library.reembedding.progress == Reembedded(0, 41)
        assert f"searched with those of {OLD} until all have one" in library.reembedding.notice
        assert passages(library) == before
        finish(library)
        assert library.reembedding.notice == ""
        wait_until(lambda: library.retriever.embedder is library.embedder, "the new embedder to answer")
        assert [p.source for p in passages(library)] == [p.source for p in before]
        assert {row.name: row.n_vectors for row in Index(library.store).embedders()} == {
            OLD: 41,
            "else-embed:256": 41,
        }


def test_what_another_process_rebuilt_is_used(tmp_path: Path, other: Path) -> None:
    ingest(tmp_path)
    settings = settings_in(tmp_path, embed_model=other)
    with open_library(settings) as library:
        assert rebuild_index(settings, vectors=True, texts=False, progress=lambda *_: None) == [OLD]
        assert {passage.cosine for passage in passages(library)} == {0.0}
        library.reembedding.start()
        wait_until(lambda: library.retriever.embedder is library.embedder, "the new embedder to answer")
        assert passages(library)[0].cosine > 0


def test_without_the_old_model_words_alone_are_searched(tmp_path: Path, other: Path) -> None:
    ingest(tmp_path, other)
    other.unlink()
    with open_library(settings_in(tmp_path)) as library:
        assert "searched by their words only" in library.reembedding.notice
        found = passages(library)
        assert "half-day" in found[0].source
        assert {passage.cosine for passage in found} == {0.0}
        finish(library)
        wait_until(lambda: passages(library)[0].cosine > 0, "vectors to be searched")


def test_a_half_done_one_goes_on(tmp_path: Path, other: Path) -> None:
    ingest(tmp_path)
    shutil.copy(embedded_file(EMBED_FILE, Path("models")), tmp_path / "more" / "old.gguf")
    settings = settings_in(tmp_path, embed_model=other)
    with open_library(settings) as library:
        index = Index(library.store)
        some = index.without_vector(library.embedder.name, 10)
        index.add_vectors(
            library.embedder.name, some, library.embedder.embed_passages([text.text for text in some])
        )
    with open_library(settings) as library:
        assert library.reembedding.progress == Reembedded(10, 41)
        finish(library)


def test_health_says_how_far_it_is(tmp_path: Path, other: Path) -> None:
    ingest(tmp_path)
    with open_services(settings_in(tmp_path, base_model="", embed_model=other)) as services:
        assert "41 of 41 chunks have no vector of else-embed:256 yet" in services.notice
        with live(services) as running:
            assert health(running.http)["reembedding"] == {"done": 0, "total": 41}
            finish(services.library)
            done = health(running.http)
            assert (done["reembedding"], "no vector" in str(done["notice"])) == (None, False)


def health(http: httpx.Client) -> dict[str, object]:
    found: dict[str, object] = http.get("/health").json()
    return found
