"""The file copied page by page as it was at one moment, while others write; and a look at such a copy. Knows
neither names nor places of copies."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import apsw

from aion.errors import StoreError
from aion.store.copies import provenance
from aion.store.migrations import APPLICATION_ID, MIGRATIONS, schema_version

Progress = Callable[[str, int, int], None]
"""Called as (what is being done, done, in all)."""

N_TOGETHER = 256  # pages, 4 MiB: a bar moves, Ctrl-C is heard, and a step costs nothing beside them
_MAX_DAMAGE = 5  # lines of SQLite's own report
_HEADER_MODE = 18  # the two bytes that say whether a log of writes (2) stands beside the file or not (1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file holds; which backup it is, and when it was last restored, where that is on record."""

    schema: int
    n_bytes: int
    n_documents: int
    n_events: int
    made: provenance.Copied | None
    restored: provenance.Copied | None


@contextlib.contextmanager
def snapshot(path: Path, wait_ms: int = 10_000) -> Iterator[apsw.Connection]:
    """A connection that sees the file as it is now until the block ends. Nobody waits for it to write; the
    log of writes beside the file grows meanwhile. Raises StoreError when it is not there, and
    apsw.Error."""
    db = _opened(path)
    try:
        db.set_busy_timeout(wait_ms)
        db.execute("PRAGMA query_only = ON")
        db.execute("BEGIN")
        db.execute("PRAGMA schema_version").fetchall()  # the moment; of a damaged file too
        yield db
    finally:
        db.close()


@contextlib.contextmanager
def quiet(path: Path) -> Iterator[apsw.Connection]:
    """A connection to a file that nobody else opens, which makes no other files beside it. What it writes is
    on the disk when the caller flushes the file, and the file is of no use when it fails."""
    db = apsw.Connection(str(path))
    try:
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = MEMORY", "synchronous = OFF"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        db.execute("PRAGMA foreign_keys = ON")
        yield db
    finally:
        db.close()


def copy_pages(source: apsw.Connection, out: Path, progress: Progress, what: str) -> None:
    """Copy the snapshot `source` into the empty file `out`, which then needs no other file beside it."""
    with quiet(out) as db, db.backup("main", source, "main") as copying:
        run(copying, progress, what)
    # As SQLite copied them, these bytes promise a log; a reader would look for one and make it.
    with out.open("r+b") as file:
        file.seek(_HEADER_MODE)
        file.write(b"\1\1")


def run(copying: apsw.Backup, progress: Progress, what: str) -> None:
    """Copy the pages that are left."""
    while not copying.done:
        copying.step(N_TOGETHER)
        progress(what, copying.page_count - copying.remaining, copying.page_count)


def size_of(db: apsw.Connection) -> int:
    """The bytes of the file as this connection sees it."""
    return int(db.execute("PRAGMA page_count").get) * int(db.execute("PRAGMA page_size").get)


def refuse_other(db: apsw.Connection, path: Path) -> None:
    """Raises StoreError for a file that is not AION's, or of a newer AION."""
    if not db.execute("SELECT count(*) FROM sqlite_schema").get:
        raise StoreError(f"{path} is empty; name a store of AION's or a backup of one.")
    if db.execute("PRAGMA application_id").get != APPLICATION_ID:
        raise StoreError(
            f"{path} is an SQLite file of another program; name a store of AION's or a backup of one."
        )
    found = schema_version(db)
    if found > len(MIGRATIONS):
        raise StoreError(
            f"{path} has schema {found} and this AION knows schemas up to {len(MIGRATIONS)}; "
            "upgrade AION, or name a file of this AION or an older one."
        )


def facts(db: apsw.Connection) -> Facts:
    """What is in a file of AION's, of whichever schema."""
    schema, has_copies = schema_version(db), bool(_has(db, "copies"))
    return Facts(
        schema,
        size_of(db),
        int(db.execute("SELECT count(*) FROM documents").get),
        int(db.execute("SELECT count(*) FROM events").get),
        provenance.newest(db, "backup") if has_copies else None,
        provenance.newest(db, "restore") if has_copies else None,
    )


def damage(db: apsw.Connection) -> list[str]:
    """What SQLite finds wrong with the file itself, [] when nothing; one line of what is so damaged that it
    cannot look. Reads all of it.

    What is wrong inside a full-text index is left out: it is made again from the texts (integrity.py), and no
    reason to go without a backup.
    """
    try:
        told = [text for (text,) in db.execute(f"PRAGMA integrity_check({_MAX_DAMAGE})") if text != "ok"]
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return [str(error)]
    lines = [line for text in told for line in text.splitlines() if not line.startswith("***")]
    return [line for line in lines if "fts5" not in line.casefold()]


def has_log_of_writes(path: Path) -> bool:
    """Whether the header says that writes go to a log beside the file, so that reading goes on meanwhile."""
    with path.open("rb") as file:
        file.seek(_HEADER_MODE)
        return file.read(2) == b"\2\2"


def _has(db: apsw.Connection, table: str) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_schema WHERE name = ?", (table,)).get)


def _opened(path: Path) -> apsw.Connection:
    """A connection that makes no file that is not there. In a folder where nothing can be written SQLite must
    be told that nobody else writes there either, or it wants to put a log of writes beside the file."""
    if not path.is_file():
        raise StoreError(f"There is no file {path}; check the path.")
    path = path.resolve()  # the log of writes is beside the file, not beside a link to it
    has_log = path.with_name(f"{path.name}-wal").exists()
    if has_log or os.access(path.parent, os.W_OK):
        return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
