from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from aion.errors import EngineFailed
from aion.rag.batch import EMBEDDED_TOGETHER
from aion.rag.ingest import Ingester, Summary
from aion.types import Vectors
from tests.rag.conftest import Library
from tests.rag.hashing import HashingEmbedder
from tests.rag.readers.pdf_file import lines, pdf


def test_a_folder_is_stored(library: Library, folder: Path) -> None:
    assert library.ingester.ingest([folder], "t") == Summary(added=3)
    rows = library.documents.list("t")
    assert [(row.source, row.title, row.n_chunks) for row in rows] == [
        ("sintra/full-day.md", "Tour full-day", 2),
        ("sintra/half-day.txt", "Tour half-day", 2),
        ("sintra/pena.html", "Palácio da Pena", 1),
    ]


def test_what_is_unchanged_is_skipped_without_embedding(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    n_embedded = library.embedder.n_embedded
    assert library.ingester.ingest([folder], "t") == Summary(unchanged=3)
    assert library.ingester.ingest([folder / "pena.html"], "t") == Summary(unchanged=1)
    assert library.embedder.n_embedded == n_embedded


def test_what_changed_is_replaced(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    (folder / "half-day.txt").write_text("Tour half-day\n\nJá não existe.\n")
    assert library.ingester.ingest([folder], "t") == Summary(changed=1, unchanged=2)
    assert library.documents.count("t") == 3


def test_another_tenant_has_documents_of_its_own(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    assert library.ingester.ingest([folder], "u") == Summary(added=3)


def test_another_chunk_size_or_embedder_reads_again(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    assert Ingester(library.documents, library.embedder, 20).ingest([folder], "t").changed == 3
    other = Ingester(library.documents, HashingEmbedder("other", 8), 20)
    assert other.ingest([folder], "t").changed == 3
    assert other.ingest([folder], "t").unchanged == 3


def test_missing_vectors_may_be_left_to_others(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    other = Ingester(library.documents, HashingEmbedder("other", 8))
    assert other.ingest([folder], "t", leaves_stale=True).unchanged == 3
    assert other.ingest([folder], "t").changed == 3


def test_what_of_a_document_was_not_read_is_told_once(library: Library, tmp_path: Path) -> None:
    (tmp_path / "guia.pdf").write_bytes(pdf([lines("A Pena abre às 9h30."), []], picture=True))
    first = library.ingester.ingest([tmp_path / "guia.pdf"], "t")
    assert [note.partition(" and")[0] for _, note in first.notes] == ["1 of 2 pages is only a picture"]
    assert library.ingester.ingest([tmp_path / "guia.pdf"], "t") == Summary(unchanged=1)


def test_what_fails_is_reported_and_the_rest_is_in(library: Library, folder: Path) -> None:
    (folder / "vazio.md").write_text(" ")
    (folder / "foto.jpg").write_bytes(b"\xff\xd8")
    (folder / ".oculto.md").write_text("oculto")
    summary = library.ingester.ingest([folder, folder / "nada.md", folder / "foto.jpg"], "t")
    assert (summary.added, summary.ignored) == (3, 1)
    assert [source for source, _ in summary.failed] == [
        "sintra/vazio.md",
        "sintra/nada.md",
        "sintra/foto.jpg",
    ]
    reasons = [reason for _, reason in summary.failed]
    for reason, words in zip(reasons, ("has no text", "does not exist", "unknown kind"), strict=True):
        assert words in reason


def test_progress_counts_every_file(library: Library, folder: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    library.ingester.ingest([folder], "t", lambda *step: seen.append(step))
    assert [n for n, _, _ in seen] == [0, 1, 2, 3]
    assert seen[0] == (0, 3, "sintra/full-day.md")
    assert seen[-1] == (3, 3, "")


def test_long_documents_are_embedded_in_batches(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "longo.md"
    n = 2 * EMBEDDED_TOGETHER + 1
    path.write_text("\n\n".join(f"# Secção {n}\n\nTexto {n}." for n in range(n)))
    library.ingester.ingest([path], "t")
    assert library.embedder.batches == [EMBEDDED_TOGETHER, EMBEDDED_TOGETHER, 1]


def test_small_documents_are_embedded_together(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    assert library.embedder.batches == [5]


class FailingEmbedder(HashingEmbedder):
    """Fails on texts that name the palace."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        if any("Pena" in text for text in texts):
            raise EngineFailed("the step failed; try again.")
        return super().embed_passages(texts)


def test_a_failing_embedder_costs_one_document(library: Library, folder: Path) -> None:
    summary = Ingester(library.documents, FailingEmbedder()).ingest([folder], "t")
    assert summary == Summary(added=2, failed=[("sintra/pena.html", "the step failed; try again.")])
    assert library.ingester.ingest([folder], "t") == Summary(added=1, unchanged=2)


def test_an_interrupted_run_goes_on_where_it_stopped(library: Library, folder: Path) -> None:
    def interrupt(n_done: int, n_total: int, source: str) -> None:
        if n_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.ingester.ingest([folder], "t", interrupt)
    assert library.ingester.ingest([folder], "t") == Summary(added=1, unchanged=2)
