"""Files and folders that appear under their name only when whole. Knows nothing of what is in them."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

_NAME = re.compile(r"\..+\.[0-9a-f]{8}\.(partial|replaced)")


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
    with _locked_beside(out, lambda path: path.open("xb").close()) as (path, descriptor):
        try:
            yield path
            os.fsync(descriptor)
            path.replace(out)
            _sync_folder(out.parent)
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def scratch_file(beside: Path) -> Iterator[Path]:
    """An empty file in the folder of `beside`, named after it, that vanishes when the block ends, or when the
    next file is written there where the process was killed. Raises OSError as the system gives it."""
    _remove_abandoned(beside.parent)
    with _locked_beside(beside, lambda path: path.open("xb").close()) as (path, _):
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """The same of a folder; one that was there before goes when the new one has its name."""
    _remove_abandoned(out.parent)
    with _locked_beside(out, Path.mkdir) as (path, _):
        try:
            yield path
            _replace_folder(path, out)
        finally:
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _locked_beside(out: Path, make: Callable[[Path], None]) -> Iterator[tuple[Path, int]]:
    """A new file or folder beside `out`, locked through the descriptor that is yielded with it."""
    while True:
        path = _beside(out, "partial")
        make(path)
        # Another may take it for abandoned before it is locked, or even opened; then it is made anew.
        with contextlib.ExitStack() as stack:
            try:
                descriptor = stack.enter_context(_opened(path))
            except FileNotFoundError:
                continue
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not path.exists():
                continue
            yield path, descriptor
            return


def _replace_folder(path: Path, out: Path) -> None:
    """Rename `path` to `out`; what was there stays when that fails, and is deleted only when the new one has
    its name, so that a kill in between loses neither."""
    replaced = _beside(out, "replaced")
    if out.exists():
        out.rename(replaced)
    try:
        path.rename(out)
    except OSError:
        if replaced.exists():
            replaced.rename(out)
        raise
    for old in out.parent.glob(f".{glob.escape(out.name)}.*.replaced"):
        if _NAME.fullmatch(old.name):
            shutil.rmtree(old, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """The lock dies with its holder, however it dies, so what has a free lock has no writer."""
    for path in folder.glob(".*.partial"):
        if not _NAME.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError), _opened(path) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _beside(out: Path, kind: str) -> Path:
    return out.with_name(f".{out.name}.{secrets.token_hex(4)}.{kind}")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A network file system locks a file for itself only where it may be written."""
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """So that the new name survives a power cut; a file system that cannot do it is no reason to fail."""
    with contextlib.suppress(OSError), _opened(folder) as descriptor:
        os.fsync(descriptor)
