"""What lies about in folders: each oddity is one clear failure, and the rest goes in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aion.rag.ingest import Ingester
from aion.rag.summary import Summary
from tests.rag.conftest import Library


def failures(summary: Summary) -> dict[str, str]:
    return {Path(source).name: reason for source, reason in summary.failed}


def test_odd_files_fail_and_the_others_go_in(library: Library, folder: Path) -> None:
    (folder / "laço.md").symlink_to("laço.md")
    (folder / "nenhures.md").symlink_to(folder / "não-há.md")
    (folder / "para-cima").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "cano.md")
    summary = library.ingester.ingest([folder, folder / ("x" * 300 + ".md"), Path("/dev/null")], "t")
    assert summary.added == 3
    reasons = failures(summary)
    assert reasons.keys() == {"laço.md", "nenhures.md", "cano.md", "x" * 300 + ".md", "null"}
    assert "a folder or a device" in reasons["cano.md"]
    assert "does not exist" in reasons["nenhures.md"]
    assert "cannot be read" in reasons["laço.md"]


def test_names_in_an_old_encoding_go_in(library: Library, folder: Path) -> None:
    (folder / os.fsdecode(b"pre\xe7os.txt")).write_text("Custa 95 euros por adulto.")
    assert library.ingester.ingest([folder], "t") == Summary(added=4)
    (passage,) = library.retriever.retrieve("t", "95 euros", k=1).passages
    assert passage.source == "sintra/pre\ufffdos.txt"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_fails_alone(library: Library, folder: Path) -> None:
    (folder / "full-day.md").chmod(0)
    summary = library.ingester.ingest([folder], "t")
    assert (summary.added, len(summary.failed)) == (2, 1)
    assert "may not be read" in summary.failed[0][1]


def test_a_file_that_vanishes_while_others_are_read_fails_alone(library: Library, folder: Path) -> None:
    def vanish(_n_done: int, _n_files: int, source: str) -> None:
        if source.endswith("full-day.md"):
            (folder / "half-day.txt").unlink()

    summary = library.ingester.ingest([folder], "t", vanish)
    assert (summary.added, len(summary.failed)) == (2, 1)
    assert "half-day.txt does not exist" in summary.failed[0][1]


def test_a_file_that_changes_meanwhile_is_stored_as_one_of_both(library: Library, folder: Path) -> None:
    def change(_n_done: int, _n_files: int, source: str) -> None:
        if source.endswith("full-day.md"):
            (folder / "half-day.txt").write_text("Tour half-day\n\nJá não existe.\n")

    assert library.ingester.ingest([folder], "t", change) == Summary(added=3)
    assert library.ingester.ingest([folder], "t") == Summary(unchanged=3)


def test_a_file_over_the_limit_fails(library: Library, folder: Path) -> None:
    ingester = Ingester(library.documents, library.embedder, max_bytes=70)
    summary = ingester.ingest([folder], "t")
    assert (summary.added, len(summary.failed)) == (0, 3)
    assert "the limit is 70" in summary.failed[0][1]


def test_without_an_embedder_documents_are_found_by_their_words(library: Library, folder: Path) -> None:
    lexical = Ingester(library.documents, None)
    assert lexical.ingest([folder], "t") == Summary(added=3)
    assert lexical.ingest([folder], "t") == Summary(unchanged=3)
    assert library.retriever.retrieve("t", "quando abre o palácio?").passages[0].source == "sintra/pena.html"
    assert library.ingester.ingest([folder], "t") == Summary(changed=3)
    assert library.embedder.n_embedded == 5
