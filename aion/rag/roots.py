"""The paths an ingestion was given: which documents are there, which have certainly gone.

Opens no document. A folder that cannot be looked into, or looks as one does whose disk is not mounted, says
nothing of what it held.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aion.rag.load import location_of, printable, source_of, walk
from aion.rag.readers.registry import is_read, suffix_of


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read: `location` is its identity, `source` the name it gets if it is new."""

    path: Path
    location: str
    source: str


@dataclass(slots=True)
class Root:
    """A given path. `doubt` says why nothing that is missing under it may be taken for gone, "" if it may."""

    path: Path
    location: str
    doubt: str = ""
    is_there: bool = True
    unlisted: list[str] = field(default_factory=list)

    def is_gone(self, location: str) -> bool:
        """Whether a document of this root, not found by the scan, has no file any more."""
        return not any(is_under(location, folder) for folder in self.unlisted) and is_missing(location)


@dataclass(slots=True)
class Scan:
    """All that was found, each file once; `ignored` counts files of unknown kinds by suffix, `failed` has
    (name, reason)."""

    files: list[Found] = field(default_factory=list)
    roots: list[Root] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[str, str]] = field(default_factory=list)


def scan(paths: Sequence[Path], folder: Path | None = None) -> Scan:
    """Look through files and folders, in their order. What was named is tried whatever its kind. Files named
    by themselves get sources as in `folder`, which holds them all, if that is given."""
    result = Scan()
    files: dict[str, Found] = {}
    for path in paths:
        root = Root(path, location_of(path))
        result.roots.append(root)
        for found in _in_folder(root, result) if os.path.isdir(path) else _alone(root, folder):
            files.setdefault(found.location, found)
    result.files = list(files.values())
    return result


def is_under(location: str, folder: str) -> bool:
    """Whether a location is that of `folder` or of something in it."""
    return location == folder or location.startswith(folder.rstrip("/") + "/")


def is_missing(path: Path | str) -> bool:
    """Whether there is certainly no file; one that may not be looked for counts as there."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def has_gone(location: str) -> bool:
    """Whether the file of a document has certainly gone; a page of the web and an upload have none."""
    return location.startswith("/") and is_missing(location)


def _in_folder(root: Root, result: Scan) -> Iterable[Found]:
    def unreadable(error: OSError) -> None:
        shown = printable(error.filename)
        root.unlisted.append(location_of(Path(error.filename)))
        reason = f"{shown} may not be listed ({error.strerror}); give yourself permission (chmod u+rx)."
        result.failed.append((shown, reason))

    for path in walk(root.path, unreadable):
        if is_read(path):
            yield Found(path, location_of(path), source_of(path, root.path))
        else:
            result.ignored[suffix_of(printable(path.name))] += 1
    if not root.unlisted and not os.listdir(root.path):
        root.doubt = (
            f"{printable(root.path)} is empty, as the folder of a disk that is not mounted is, so nothing "
            "was removed; if it is meant to be empty, delete the folder itself and prune again."
        )


def _alone(root: Root, folder: Path | None) -> Iterable[Found]:
    root.is_there = not is_missing(root.path)
    if not root.is_there and not os.path.isdir(os.path.dirname(root.location)):
        root.doubt = (
            f"{printable(root.path)} is gone with the folder that held it, as on a disk that is not mounted, "
            "so nothing was removed; prune a folder above it that is there."
        )
    yield Found(root.path, root.location, source_of(root.path, folder))
