"""A backup: the file as it was at one moment in another file, checked before it has its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apsw

from aion.errors import AionError, StoreError
from aion.partial import too_little_room, whole_file
from aion.store.copies import provenance
from aion.store.copies.page_copy import Facts, Progress, copy_pages, damage, facts, quiet, size_of
from aion.store.event_rows import Entry
from aion.store.events import write_entry
from aion.store.migrations import MIGRATIONS
from aion.store.sqlite_errors import writing

_COPYING, _CHECKING = "copying", "checking"


def write_backup(
    source: apsw.Connection, path: Path, out: Path, late: Sequence[Entry], progress: Progress
) -> tuple[Facts, int]:
    """Write what `source` sees, a snapshot of the file `path`, to `out`, with the events that wait beside it;
    returns what is in it and how many of these are.

    `out` appears when it is whole, flushed and checked, and only its owner may read it; what was there of
    that name is replaced. A file of an older schema is copied as it is, without `late`. Raises StoreError: no
    room, a damaged source; OSError.
    """
    if problem := too_little_room(out, size_of(source)):
        raise StoreError(problem)
    n_late = 0
    with writing(out), whole_file(out) as partial:
        partial.chmod(0o600)
        copy_pages(source, partial, progress, _COPYING)
        progress(_CHECKING, 0, 1)
        with quiet(partial) as db:
            refuse_damaged(db, path)
            if facts(db).schema == len(MIGRATIONS):
                n_late = finish(db, late)
            found = facts(db)
        progress(_CHECKING, 1, 1)
    return found, n_late


def refuse_damaged(db: apsw.Connection, path: Path) -> None:
    """Raises StoreError when the copy `db` of the file `path` is damaged: so is that then."""
    if found := damage(db):
        raise StoreError(
            f"{path} is damaged ({found[0]}); no copy was made of it. `aion check` says more, `aion restore` "
            "puts an earlier backup in its place."
        )


def finish(db: apsw.Connection, late: Sequence[Entry]) -> int:
    """Put into a copy that it is one, and the events that wait, with their keys, so that they are never in it
    twice; returns how many of them."""
    with db:
        written = [write_entry(db, entry) for entry in late]
        provenance.note(db, "backup")
    return sum(not isinstance(each, AionError) for each in written)
