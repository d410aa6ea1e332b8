from __future__ import annotations

import os
from pathlib import Path

import pytest

from aion.rag.folder_scan import identity, scan, whereabouts


def test_a_look_finds_what_is_read_and_which_folders_hold_something(folder: Path) -> None:
    (folder / "sub" / "vazia").mkdir(parents=True)
    (folder / "sub" / "a.md").write_text("a")
    (folder / "foto.jpg").write_bytes(b"\xff")
    (folder / ".oculto.md").write_text("a")
    os.mkfifo(folder / "cano.md")
    found = scan(folder)
    names = [path.relative_to(folder).as_posix() for path in found.files]
    assert names == ["full-day.md", "half-day.txt", "pena.html", "sub/a.md"]
    assert set(found.folders) == {str(folder), str(folder / "sub")}


def test_a_signature_changes_with_the_file_even_when_size_and_time_do_not(folder: Path) -> None:
    path = folder / "full-day.md"
    before, times = scan(folder).files[path], path.stat()
    path.write_text(path.read_text().replace("oito", "nove"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert scan(folder).files[path] != before
    assert scan(folder).files[path] == scan(folder).files[path]


def test_what_is_not_there_is_gone_only_when_that_is_certain(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.md").write_text("a")
    seen = scan(folder).folders
    inside = str(folder / "sub" / "a.md")
    assert whereabouts(inside, folder, {}) == "there"
    os.remove(inside)
    assert whereabouts(inside, folder, seen) == "gone"
    assert whereabouts(inside, folder, {}) == "unknown"  # an empty folder: perhaps a disk that is not mounted
    other = {**seen, str(folder / "sub"): (0, 0)}
    assert whereabouts(inside, folder, other) == "unknown"  # another disk than the one that was seen
    (folder / "sub").rmdir()
    assert whereabouts(inside, folder, {}) == "gone"
    assert whereabouts(str(folder.parent / "away" / "a.md"), folder.parent / "away", {}) == "unknown"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_what_may_not_be_looked_for_is_not_gone(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub").chmod(0)
    try:
        assert whereabouts(str(folder / "sub" / "a.md"), folder, scan(folder).folders) == "unknown"
    finally:
        (folder / "sub").chmod(0o700)


def test_a_file_is_no_folder(folder: Path) -> None:
    assert identity(folder / "full-day.md") is None
    assert identity(folder) == identity(folder)
    assert identity(folder / "nada") is None
