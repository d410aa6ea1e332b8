"""One process at a time makes a GGUF file, and what it makes on the way vanishes with it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from aion.convert.lock import locked

# (what is being done, done, total)
GgufProgress = Callable[[str, int, int], None]


@contextlib.contextmanager
def one_maker(out: Path, progress: GgufProgress | None = None) -> Iterator[Path]:
    """Hold the right to make `out`, and yield the name of an intermediate file beside it. OSError when the
    folder cannot be written."""
    with alone_with(out, "unquantized", progress) as between:
        yield between


@contextlib.contextmanager
def alone_with(out: Path, kind: str, progress: GgufProgress | None = None) -> Iterator[Path]:
    """Hold the lock for `out` and `kind`, and yield the name ".OUT.KIND" beside it, which is deleted at the
    end, be it a file or a folder.

    What killed processes left of that kind in the folder, for whatever output, is deleted first. OSError
    when the folder cannot be written.
    """

    def waiting() -> None:
        if progress is not None:
            progress("another process makes it", 0, 1)

    _remove_abandoned(out.parent, kind)
    between = out.with_name(f".{out.name}.{kind}")
    with locked(_lock_of(between), waiting):
        _remove(between)
        try:
            yield between
        finally:
            _remove(between)


def _remove_abandoned(folder: Path, kind: str) -> None:
    """The lock dies with its holder, however it dies, so what has a free lock has no maker."""
    for lock in folder.glob(f".*.{kind}.lock"):
        with contextlib.suppress(OSError), lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(lock.stat(), os.fstat(file.fileno())):
                _remove(lock.with_suffix(""))
                lock.unlink()


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
