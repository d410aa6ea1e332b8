"""A backup's content in the place of the file's own, in one transaction, while others have the file open.

The backup is copied beside the file first, checked there and brought to this AION's schema; then SQLite
copies its pages over those of the file, under its write lock. Other connections see either what was or what
comes. A process that is killed has changed nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from aion.errors import StoreError
from aion.partial import scratch_file, too_little_room, whole_file
from aion.store.copies import carried, provenance
from aion.store.copies.backup import finish
from aion.store.copies.page_copy import (
    Facts,
    Progress,
    copy_pages,
    damage,
    facts,
    has_log_of_writes,
    quiet,
    refuse_other,
    run,
    size_of,
    snapshot,
)
from aion.store.event_rows import Entry
from aion.store.migrations import APPLICATION_ID, MIGRATIONS, migrate, schema_version
from aion.store.opening import open_file
from aion.store.sqlite_errors import translated, writing

_WAIT_S = 60.0  # for others to finish what they write
_TRY_S = 0.05


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, as the backup had it; whether the events that waited are with what was kept; why
    not all was carried over from a damaged file, or ""."""

    facts: Facts
    has_kept_late: bool
    trouble: str


def restore(
    backup: Path, path: Path, kept: Path | None, late: Sequence[Entry], progress: Progress
) -> Restored:
    """Fill the file `path` from `backup`; `kept` gets what it held until then, with the events that wait.

    Ids that were given, money that was spent and keys stay as they are there (carried.py). Raises
    StoreError and has changed nothing: the backup is another program's, newer or damaged; there is no room;
    the file is so damaged that SQLite cannot replace its content. OSError.
    """
    with scratch_file(path) as staging:
        staging.chmod(0o600)
        with _readable(backup), snapshot(backup) as source:
            refuse_other(source, backup)
            _refuse_too_large(size_of(source), path, kept)
            with writing(staging):
                copy_pages(source, staging, progress, "reading the backup")
        with quiet(staging) as db:
            progress("checking the backup", 0, 1)
            found = _checked(db, backup)
            with writing(staging):
                migrate(db)
            with translated(path, int(_WAIT_S * 1000)):
                has_kept_late, trouble = _put_in_place(db, path, kept, late, progress)
    return Restored(found, has_kept_late, trouble)


def _checked(db: apsw.Connection, backup: Path) -> Facts:
    """Raises StoreError when the copy of the backup is damaged."""
    with _readable(backup):
        if problems := damage(db):
            raise apsw.CorruptError(problems[0])
        return facts(db)


@contextlib.contextmanager
def _readable(backup: Path) -> Iterator[None]:
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError, apsw.SQLError) as error:
        raise StoreError(
            f"{backup} is damaged or no SQLite file ({error}) and was not restored; name another backup."
        ) from error
    except apsw.Error as error:
        raise StoreError(f"{backup} cannot be read ({error}); check its rights and the disk.") from error


def _put_in_place(
    staging: apsw.Connection, path: Path, kept: Path | None, late: Sequence[Entry], progress: Progress
) -> tuple[bool, str]:
    """Replace what is in `path` by what is in `staging`; returns whether `kept` has what waited, and why not
    all was carried over."""
    has_kept_late, is_new = False, not path.exists()
    with _live(path) as live:
        _same_page_size(live, staging)
        with _locked(live, staging, path) as copying:  # from here on nobody else writes
            with snapshot(path) as before:
                if kept is not None and not is_new:
                    has_kept_late = _keep(before, kept, late, progress)
                with staging:
                    found, trouble = carried.read(before)
                    carried.put(staging, found)
                    provenance.note(staging, "restore")
            with writing(path):
                run(copying, progress, "restoring")
                copying.finish()
        with contextlib.suppress(apsw.Error):  # who reads for long keeps the log of writes; it is whole there
            live.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return has_kept_late, trouble


def _keep(before: apsw.Connection, kept: Path, late: Sequence[Entry], progress: Progress) -> bool:
    """A copy of what goes, damaged as it may be, for that may be why it goes; whether it took what waited."""
    has_late = False
    with writing(kept), whole_file(kept) as partial:
        partial.chmod(0o600)
        copy_pages(before, partial, progress, "keeping what is there")
        with quiet(partial) as db, contextlib.suppress(apsw.Error):
            if schema_version(db) == len(MIGRATIONS):
                finish(db, late)
                has_late = True
    return has_late


@contextlib.contextmanager
def _live(path: Path) -> Iterator[apsw.Connection]:
    """A connection to the file, made if it is not there. Of one that is, only the header is read, for the
    rest may be damaged. One that SQLite cannot open is not replaced: who has it open would not notice. One
    that was copied into its place gets a log of writes, or nobody could read it while it is locked."""
    is_new = not path.exists() or path.stat().st_size == 0
    live = open_file(path) if is_new else apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with _replaceable(path):
            if not is_new and live.execute("PRAGMA application_id").get != APPLICATION_ID:
                raise StoreError(f"{path} is an SQLite file of another program; name AION's with AION_DB.")
            if not has_log_of_writes(path):
                live.execute("PRAGMA journal_mode = WAL").fetchall()
        yield live
    finally:
        is_empty = is_new and not live.execute("SELECT count(*) FROM sqlite_schema").get
        live.close()
        if is_empty:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(live: apsw.Connection, staging: apsw.Connection, path: Path) -> Iterator[apsw.Backup]:
    """The copy of pages, begun: it holds the write lock of the file, and at the end of the block all that was
    done is undone unless it was finished."""
    deadline = time.monotonic() + _WAIT_S
    with live.backup("main", staging, "main") as copying:
        while True:
            try:
                with _replaceable(path):
                    copying.step(0)
                break
            except (apsw.BusyError, apsw.LockedError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(_TRY_S)
        yield copying


@contextlib.contextmanager
def _replaceable(path: Path) -> Iterator[None]:
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise StoreError(
            f"{path} is so damaged that its content cannot be replaced ({error}); stop AION, move {path} "
            "away with the -wal and -shm files beside it, and restore again.",
            param="AION_DB",
        ) from error


def _same_page_size(live: apsw.Connection, staging: apsw.Connection) -> None:
    """The file keeps its own, and pages are copied whole."""
    wanted = int(live.execute("PRAGMA page_size").get)
    if int(staging.execute("PRAGMA page_size").get) != wanted:
        staging.execute(f"PRAGMA page_size = {wanted}")
        staging.execute("VACUUM")


def _refuse_too_large(n_bytes: int, path: Path, kept: Path | None) -> None:
    """The content is on the disk twice, beside the file and in its log of writes; what it replaces once."""
    n_before = path.stat().st_size if kept is not None and path.exists() else 0
    if problem := too_little_room(path, 2 * n_bytes + n_before):
        raise StoreError(f"To restore needs room: {problem}")
