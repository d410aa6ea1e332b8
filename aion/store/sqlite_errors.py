"""SQLite's errors as sentences for a person: the file, what happened, the way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from aion.errors import StoreError

_SENTENCES: tuple[tuple[type[apsw.Error] | tuple[type[apsw.Error], ...], str], ...] = (
    (apsw.NotADBError, "is not an SQLite file; set AION_DB to another path or move that file away"),
    (
        (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError),
        "cannot be opened for writing; check that its folder exists and that you may write there, "
        "or set AION_DB to another path",
    ),
    (
        (apsw.BusyError, apsw.LockedError),
        "was locked by another process for {waited:g} s; try again when that has ended",
    ),
    (apsw.FullError, "cannot grow, the disk is full; free some space and try again"),
    (apsw.IOError, "could not be read or written to its end; look at the disk and its free space"),
    (apsw.CorruptError, "is damaged; restore a backup (aion restore), or move it away and ingest again"),
    (apsw.ConnectionClosedError, "was closed; open the store again"),
)


@contextmanager
def translated(path: Path, waited_ms: int) -> Iterator[None]:
    """Raises StoreError for what SQLite raises over the file `path`."""
    try:
        yield
    except apsw.Error as error:
        raise StoreError(_sentence(path, error, waited_ms)) from error


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Raises StoreError for what SQLite raises when the new file `out` cannot be written to its end."""
    try:
        yield
    except (apsw.FullError, apsw.IOError) as error:
        raise StoreError(
            f"{out} could not be written to its end; free space there or name another place."
        ) from error


def _sentence(path: Path, error: apsw.Error, waited_ms: int) -> str:
    for kinds, words in _SENTENCES:
        if isinstance(error, kinds):
            return f"{path} {words.format(waited=waited_ms / 1000)}."
    return f"{path} did not do what was asked ({str(error) or type(error).__name__}); run aion check."
