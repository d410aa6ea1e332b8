"""A file that appears under its name only when it is whole. Knows nothing of what is in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_NAME = re.compile(r"\..+\.[0-9a-f]{8}\.partial")


def too_little_room(out: Path, n_bytes: int) -> str:
    """What to say when `n_bytes` do not fit the disk of `out`, "" when they do. Raises OSError."""
    n_free = shutil.disk_usage(out.parent).free
    if n_free >= n_bytes:
        return ""
    return (
        f"{out} takes {n_bytes / 1e6:.1f} MB and {out.parent} has {n_free / 1e6:.1f} MB free; free space or "
        "name another place."
    )


@contextlib.contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A temporary name beside `out`: it becomes `out`, flushed to the disk, when the block ends well, and
    vanishes when it does not. An empty file is there already; write it through its path.

    What a killed process left in the folder is removed first. Raises OSError as the system gives it.
    """
    _remove_abandoned(out.parent)
    with _locked_beside(out) as (path, file):
        try:
            yield path
            os.fsync(file.fileno())
            path.replace(out)
            _sync_folder(out.parent)
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked_beside(out: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    while True:
        path = out.with_name(f".{out.name}.{secrets.token_hex(4)}.partial")
        with path.open("xb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not path.exists():  # another process took it for abandoned before it was locked
                continue
            yield path, file
            return


def _remove_abandoned(folder: Path) -> None:
    """The lock dies with its holder, however it dies, so a file whose lock is free has no writer."""
    for path in folder.glob(".*.partial"):
        if not _NAME.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _sync_folder(folder: Path) -> None:
    """So that the new name survives a power cut; a file system that cannot do it is no reason to fail."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
