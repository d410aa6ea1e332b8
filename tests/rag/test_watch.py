"""A real folder, a real store, the file system's own notices: what the watch makes of what happens."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aion.fair_lock import FairLock
from aion.rag.shelf import Shelf
from aion.rag.watch import Watch
from tests.rag.conftest import Library
from tests.server.live import wait_until

Start = Callable[[], Watch]


@contextlib.contextmanager
def watching(library: Library, folder: Path) -> Iterator[Watch]:
    """A quick watch: it looks every 20 ms, and what is unchanged for 60 ms is read."""
    shelf = Shelf(folder, library.ingester, library.documents, FairLock(), "t")
    watch = Watch(shelf, settle_s=0.06, tick_s=0.02, rescan_s=0.2)
    watch.start()
    try:
        yield watch
    finally:
        watch.close()


def sources(library: Library) -> list[str]:
    return [row.source for row in library.documents.list("t")]


def wait_for(library: Library, *expected: str) -> None:
    wait_until(lambda: sources(library) == sorted(expected), f"the store to hold {expected}")


ALL = ("sintra/full-day.md", "sintra/half-day.txt", "sintra/pena.html")


def test_what_is_there_is_taken_in_and_what_comes_and_goes_follows(library: Library, folder: Path) -> None:
    with watching(library, folder) as watch:
        wait_for(library, *ALL)
        (folder / "novo").mkdir()
        (folder / "novo" / "queijadas.md").write_text("# Queijadas\n\nCustam 2 €.\n")
        wait_for(library, *ALL, "sintra/novo/queijadas.md")
        (folder / "half-day.txt").unlink()
        (folder / "novo").rename(folder / "doces")
        wait_for(library, "sintra/doces/queijadas.md", "sintra/full-day.md", "sintra/pena.html")
        shutil.rmtree(folder / "doces")
        wait_for(library, "sintra/full-day.md", "sintra/pena.html")
        wait_until(lambda: watch.status.n_documents == 2, "the count of documents")
        assert (watch.status.problem, watch.status.failures) == ("", ())
        assert watch.status.last_pass


def test_a_change_replaces_the_document(library: Library, folder: Path) -> None:
    with watching(library, folder):
        wait_for(library, *ALL)
        before = library.documents.find_hash("t", "sintra/full-day.md")
        (folder / "full-day.md").write_text("# Tour full-day\n\nAgora dura nove horas.\n")
        wait_until(
            lambda: library.documents.find_hash("t", "sintra/full-day.md") != before,
            "the change to be stored",
        )


def test_a_file_saved_by_deleting_it_first_stays_the_same_document(library: Library, folder: Path) -> None:
    path = folder / "full-day.md"

    def found() -> tuple[int, str]:
        (known,) = library.documents.known("t", str(path), None)
        return known.id, known.content_hash

    with watching(library, folder):
        wait_for(library, *ALL)
        before = found()
        path.unlink()
        path.write_text("# Tour full-day\n\nAgora dura nove horas.\n")
        wait_until(lambda: found()[1] != before[1], "the change to be stored")
        assert found()[0] == before[0]


def test_what_changed_or_went_while_nobody_watched_is_seen_at_the_next_start(
    library: Library, folder: Path
) -> None:
    with watching(library, folder):
        wait_for(library, *ALL)
    (folder / "pena.html").unlink()
    (folder / "sete-rios.md").write_text("# Sete Rios\n\nO autocarro sai daqui.\n")
    with watching(library, folder):
        wait_for(library, "sintra/full-day.md", "sintra/half-day.txt", "sintra/sete-rios.md")


def test_a_file_that_is_being_written_waits_until_it_is_still(library: Library, folder: Path) -> None:
    with watching(library, folder) as watch:
        wait_for(library, *ALL)
        with (folder / "longo.md").open("w") as file:
            for n in range(30):
                file.write(f"# Parte {n}\n\nTexto {n}.\n\n")
                file.flush()
                wait_until(lambda: watch.status.n_waiting == 1, "the file to be seen")
                assert sources(library) == sorted(ALL)
                os.utime(file.fileno())
        wait_for(library, *ALL, "sintra/longo.md")
        assert library.documents.count_chunks("t") == 5 + 30


def test_a_failure_is_told_once_and_mended_by_a_change(
    library: Library, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "vazio.md").write_text("")
    with caplog.at_level(logging.WARNING, "aion.rag.watch"), watching(library, folder) as watch:
        wait_until(lambda: len(watch.status.failures) == 1, "the failure")
        ((path, reason),) = watch.status.failures
        assert path == str(folder / "vazio.md")
        assert "is empty" in reason
        seen_at = watch.status.last_pass
        (folder / "outro.md").write_text("# Outro\n\nTexto.\n")
        wait_for(library, *ALL, "sintra/outro.md")
        assert [record.message for record in caplog.records] == [reason]
        (folder / "vazio.md").write_text("# Já não\n\nTexto.\n")
        wait_for(library, *ALL, "sintra/outro.md", "sintra/vazio.md")
        wait_until(lambda: watch.status.failures == (), "the failure to be forgotten")
        assert seen_at


def test_a_folder_that_vanishes_or_is_emptied_by_an_unmount_keeps_its_documents(
    library: Library, folder: Path
) -> None:
    with watching(library, folder) as watch:
        wait_for(library, *ALL)
        folder.rename(folder.parent / "away")
        wait_until(lambda: "There is no folder" in watch.status.problem, "the folder to be missed")
        folder.mkdir()  # the empty folder a disk was mounted on
        wait_until(lambda: "not mounted" in watch.status.problem, "the empty folder to be seen")
        assert sources(library) == sorted(ALL)
        folder.rmdir()
        (folder.parent / "away").rename(folder)
        wait_until(lambda: watch.status.problem == "", "the folder to be back")
        (folder / "pena.html").unlink()
        wait_for(library, "sintra/full-day.md", "sintra/half-day.txt")


def test_a_folder_emptied_while_it_was_watched_is_empty(library: Library, folder: Path) -> None:
    with watching(library, folder):
        wait_for(library, *ALL)
        for path in folder.iterdir():
            path.unlink()
        wait_for(library)


def test_a_folder_that_is_not_there_yet_is_waited_for(library: Library, tmp_path: Path) -> None:
    with watching(library, tmp_path / "later") as watch:
        wait_until(lambda: "There is no folder" in watch.status.problem, "the folder to be missed")
        (tmp_path / "later").mkdir()
        (tmp_path / "later" / "a.md").write_text("# A\n\nTexto.\n")
        wait_for(library, "later/a.md")
        wait_until(lambda: watch.status.problem == "", "all to be well")


def test_many_documents_gone_at_the_start_are_kept_and_said(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "muitos"
    folder.mkdir()
    names = [f"{n:02}.md" for n in range(12)]
    for name in names:
        (folder / name).write_text(f"# {name}\n\nTexto {name}.\n")
    with watching(library, folder):
        wait_for(library, *(f"muitos/{name}" for name in names))
    for name in names[1:]:
        (folder / name).unlink()
    with watching(library, folder) as watch:
        wait_until(lambda: "none is deleted" in watch.status.problem, "the loss to be seen")
        assert "aion ingest --prune" in watch.status.problem
        (folder / "novo.md").write_text("# Novo\n\nTexto.\n")
        wait_for(library, *(f"muitos/{name}" for name in names), "muitos/novo.md")


def test_the_documents_of_others_are_left_alone(library: Library, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sintra-velho").mkdir()
    (tmp_path / "sintra-velho" / "a.md").write_text("# A\n\nTexto.\n")
    library.ingester.ingest([tmp_path / "sintra-velho"], "t")
    (tmp_path / "sintra-velho" / "a.md").unlink()
    with watching(library, folder):
        wait_for(library, *ALL, "sintra-velho/a.md")
        (folder / "pena.html").unlink()
        wait_for(library, "sintra/full-day.md", "sintra/half-day.txt", "sintra-velho/a.md")


def test_it_closes_at_once_in_the_middle_of_many(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "muitos"
    folder.mkdir()
    for n in range(300):
        (folder / f"{n:03}.md").write_text(f"# {n}\n\nTexto {n}.\n")
    with watching(library, folder) as watch:
        wait_until(lambda: library.documents.count("t") > 0, "the first documents")
        watch.close()
        n_stored = library.documents.count("t")
        assert 0 < n_stored <= 300
    with watching(library, folder):
        wait_until(lambda: library.documents.count("t") == 300, "the rest")
