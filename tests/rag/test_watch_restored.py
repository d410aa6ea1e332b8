from __future__ import annotations

from pathlib import Path

from tests.rag.conftest import Library
from tests.rag.test_watch import ALL, wait_for, watching
from tests.store.copying import back_up, put_back


def test_files_that_a_restored_store_lacks_are_taken_in_again(library: Library, folder: Path) -> None:
    back_up(library.store.path, folder.parent / "backup.db")
    with watching(library, folder):
        wait_for(library, *ALL)
        put_back(folder.parent / "backup.db", library.store.path)
        wait_for(library, *ALL)
        (folder / "half-day.txt").unlink()
        wait_for(library, "sintra/full-day.md", "sintra/pena.html")
