"""One look at a folder: which documents are there and in what state, which of its folders hold anything.

Opens no file. Whether something is truly gone is answered here too, because a disk that is not there looks
like a folder somebody emptied.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aion.rag.load import walk
from aion.rag.readers.registry import is_read

Identity = tuple[int, int]  # device and inode: another one under the same name is another folder


@dataclass(frozen=True, slots=True)
class Signature:
    """What changes when a file does; `changed_ns` is the clock of the file system."""

    n_bytes: int
    modified_ns: int
    changed_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Scan:
    """`files` are those of known kinds, in sorted order; `folders` those that hold anything; `unreadable` is
    what could not be listed."""

    files: dict[Path, Signature]
    folders: dict[str, Identity]
    unreadable: tuple[str, ...]


def scan(folder: Path) -> Scan:
    """Look through a folder as `walk` does."""
    unreadable: list[str] = []
    files: dict[Path, Signature] = {}
    folders: dict[str, Identity] = {}
    for path in walk(folder, lambda error: unreadable.append(str(error.filename))):
        parent = str(path.parent)
        if parent not in folders:
            folders |= _with_parents(folder, path.parent, folders)
        if is_read(path) and (signature := _signature(path)) is not None:
            files[path] = signature
    return Scan(files, folders, tuple(unreadable))


def identity(folder: Path | str) -> Identity | None:
    """Which folder it is; None when there is none."""
    try:
        status = os.stat(folder)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def whereabouts(path: str, root: Path, seen: Mapping[str, Identity]) -> Literal["there", "gone", "unknown"]:
    """Whether there is such a file, or certainly none any more.

    It cannot be known when something keeps from looking; nor when the folder it was in is empty and not one
    of those `seen` with something in it: that is what a disk looks like that is not mounted.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "unknown" if _may_be_unmounted(Path(path).parent, root, seen) else "gone"
    except (OSError, ValueError):
        return "unknown"
    return "there"


def _may_be_unmounted(folder: Path, root: Path, seen: Mapping[str, Identity]) -> bool:
    found = identity(folder)
    while found is None and folder not in {root, folder.parent}:
        folder = folder.parent
        found = identity(folder)
    if found is None:
        return True
    try:
        with os.scandir(folder) as entries:
            is_empty = next(entries, None) is None
    except OSError:
        return True
    return is_empty and seen.get(str(folder)) != found


def _with_parents(root: Path, folder: Path, known: Mapping[str, Identity]) -> dict[str, Identity]:
    found: dict[str, Identity] = {}
    while str(folder) not in known and (is_ := identity(folder)) is not None:
        found[str(folder)] = is_
        if folder == root:
            break
        folder = folder.parent
    return found


def _signature(path: Path) -> Signature | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Signature(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
