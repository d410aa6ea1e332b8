"""What is gone is removed when asked, and only when it is certainly gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from aion.rag.summary import Summary
from tests.rag.conftest import Library


def names(library: Library) -> list[str]:
    return [Path(row.source).name for row in library.documents.list("t")]


def test_a_deleted_file_stays_until_pruned(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    (folder / "pena.html").unlink()
    assert library.ingester.ingest([folder], "t") == Summary(unchanged=2)
    assert len(names(library)) == 3
    assert library.ingester.ingest([folder], "t", prune=True) == Summary(unchanged=2, removed=1)
    assert names(library) == ["full-day.md", "half-day.txt"]


def test_only_what_was_under_the_path_is_pruned(library: Library, folder: Path, tmp_path: Path) -> None:
    beside = tmp_path / "sintra-2"
    shutil.copytree(folder, beside)
    library.ingester.ingest([folder, beside], "t")
    shutil.rmtree(folder)
    shutil.rmtree(beside)
    assert library.ingester.ingest([folder], "t", prune=True) == Summary(removed=3)
    assert {row.source.partition("/")[0] for row in library.documents.list("t")} == {"sintra-2"}


def test_a_deleted_file_is_pruned_by_its_own_path(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    (folder / "pena.html").unlink()
    assert library.ingester.ingest([folder / "pena.html"], "t", prune=True) == Summary(removed=1)


def test_a_path_that_never_was_is_an_error(library: Library, tmp_path: Path) -> None:
    summary = library.ingester.ingest([tmp_path / "nada"], "t", prune=True)
    assert "does not exist" in summary.failed[0][1]


def test_an_empty_folder_may_be_an_unmounted_disk(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    for path in folder.iterdir():
        path.unlink()
    summary = library.ingester.ingest([folder], "t", prune=True)
    assert (summary.removed, len(names(library))) == (0, 3)
    assert "is empty, as the folder of a disk that is not mounted" in summary.failed[0][1]


def test_a_folder_gone_with_its_parent_may_be_an_unmounted_disk(library: Library, tmp_path: Path) -> None:
    above = tmp_path / "acima"
    (above / "disco" / "docs").mkdir(parents=True)
    (above / "disco" / "docs" / "a.md").write_text("texto")
    library.ingester.ingest([above / "disco" / "docs"], "t")
    shutil.rmtree(above / "disco")
    summary = library.ingester.ingest([above / "disco" / "docs"], "t", prune=True)
    assert (summary.removed, len(summary.failed)) == (0, 1)
    assert "gone with the folder that held it" in summary.failed[0][1]
    assert library.ingester.ingest([above], "t", prune=True).removed == 0  # empty by now
    (above / "b.md").write_text("texto")
    assert library.ingester.ingest([above], "t", prune=True) == Summary(added=1, removed=1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_what_may_not_be_listed_is_not_pruned(library: Library, folder: Path) -> None:
    (folder / "secreto").mkdir()
    (folder / "secreto" / "a.md").write_text("texto")
    library.ingester.ingest([folder], "t")
    (folder / "pena.html").unlink()
    (folder / "secreto").chmod(0)
    summary = library.ingester.ingest([folder], "t", prune=True)
    (folder / "secreto").chmod(0o700)
    assert (summary.removed, len(summary.failed)) == (1, 1)
    assert "a.md" in names(library)


def test_uploads_and_pages_are_not_pruned(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    with library.store.write() as db:
        db.execute("UPDATE documents SET location = '' WHERE source LIKE '%pena%'")
        db.execute("UPDATE documents SET location = 'https://x.pt/a' WHERE source LIKE '%half%'")
    shutil.rmtree(folder)
    assert library.ingester.ingest([folder], "t", prune=True) == Summary(removed=1)


def test_a_file_that_can_no_longer_be_read_keeps_what_it_was(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    (folder / "full-day.md").write_bytes(b"")
    summary = library.ingester.ingest([folder], "t", prune=True)
    assert (summary.removed, summary.unchanged, len(summary.failed)) == (0, 2, 1)
    assert len(names(library)) == 3
