"""`aion backup` and `aion restore`: where copies go, and the events that wait beside the database."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aion.errors import InvalidRequest, StoreError
from aion.events.log import late_file
from aion.store.copies.backup import write_backup
from aion.store.copies.page_copy import Facts, Progress, refuse_other, snapshot
from aion.store.copies.restore import restore
from aion.store.sqlite_errors import translated

_TIME = "%Y%m%dT%H%M%S"
_OWN = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that is there. `n_late` events that waited beside the database are in it."""

    path: Path
    facts: Facts
    n_late: int


@dataclass(frozen=True, slots=True)
class PutBack:
    """What was restored; `kept` has what was there before, None where there was nothing or it was not wanted.
    `trouble` says of what a damaged store did not tell all that stays (carried.py), or ""."""

    facts: Facts
    kept: Path | None
    trouble: str


def back_up(db: Path, to: Path, progress: Progress, *, replaces: bool = False) -> BackedUp:
    """Write a backup of the store `db` to the file `to`, or under a dated name into the folder `to`.

    Others ask, ingest and write meanwhile. Where `to` is a link, the file is where that points. Raises
    InvalidRequest: `to` is there and is not to be replaced, is no file, or is the store's own; StoreError;
    OSError.
    """
    _refuse_absent(db)
    out = to / f"{db.stem}-{datetime.now(UTC):{_TIME}}Z{db.suffix or '.db'}" if to.is_dir() else to
    out = Path(os.path.realpath(out)) if out.is_symlink() else out
    _refuse_own(db, out)
    if out.exists() and not out.is_file():
        raise InvalidRequest(f"{out} is no file, and a backup must be one; name another place.")
    if out.exists() and not replaces:
        raise InvalidRequest(f"{out} is there already; name another file, or replace it with --force.")
    _refuse_no_folder(out)
    _refuse_log(out)
    with contextlib.ExitStack() as stack:
        with late_file(db).held() as late:  # what waits is either in the snapshot or here
            stack.enter_context(translated(db, 0))
            source = stack.enter_context(snapshot(db))
            refuse_other(source, db)
        found, n_late = write_backup(source, db, out, late.entries, progress)
    return BackedUp(out, found, n_late)


def put_back(db: Path, backup: Path, progress: Progress, *, keeps: bool = True) -> PutBack:
    """Replace what the store `db` holds by what `backup` does; with `keeps`, what it held stays beside it.

    A service that uses the store goes on with what was restored. Raises InvalidRequest when `backup` is the
    store itself, or there is no folder for that; StoreError; OSError.
    """
    _refuse_no_folder(db)
    _refuse_own(db, backup)
    kept = None
    if has_content := db.exists():
        # Microseconds: of two restores at once, one keeps what the other restored.
        kept = db.with_name(f"{db.name}.before-restore-{datetime.now(UTC):{_TIME}.%f}Z") if keeps else None
    with late_file(db).held() as late:
        done = restore(backup, db, kept, late.entries, progress)
        if done.has_kept_late or (has_content and not keeps):  # otherwise nothing else has them
            late.clear()
    return PutBack(done.facts, kept, done.trouble)


def _refuse_absent(db: Path) -> None:
    if not db.exists():
        raise StoreError(f"{db} does not exist; name the store with --db or AION_DB.", param="AION_DB")


def _refuse_own(db: Path, other: Path) -> None:
    """The store, by whatever name, and what SQLite and AION have beside it."""
    is_same = db.exists() and other.exists() and db.samefile(other)
    own = {os.path.realpath(db) + suffix for suffix in _OWN} | {os.path.realpath(late_file(db).path)}
    if is_same or os.path.realpath(other) in own:
        raise InvalidRequest(f"{other} is the store itself; name another file.")


def _refuse_log(out: Path) -> None:
    """SQLite would take what stands there for the newest of whatever file has that name."""
    for suffix in _OWN[1:]:
        if (log := Path(f"{out}{suffix}")).exists():
            raise InvalidRequest(
                f"{log} is there: a program has {out} open, or was killed while it had; name another file."
            )


def _refuse_no_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise InvalidRequest(f"There is no folder {path.parent}; make it first, or name another place.")
