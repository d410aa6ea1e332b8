"""A connection to the file: its pragmas, sqlite-vec, and whose file it is. Knows no table but the schema's
version."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import apsw
import sqlite_vec

from aion.errors import StoreError
from aion.store.migrations import APPLICATION_ID, MIGRATIONS, schema_version

BUSY_TIMEOUT_MS = 10_000
PAGE_SIZE = 16384
# One by one: APSW stops a many-statement string at the first row that nobody fetches. page_size counts
# only before the first write. mmap_size: mapped pages count as resident, and vectors are searched in memory;
# 1 GB took 150 MiB more at 100,000 chunks and no less time. synchronous=FULL: what was answered or spent
# survives a power cut too.
_PRAGMAS = (
    f"page_size = {PAGE_SIZE}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "mmap_size = 67108864",
    "cache_size = -65536",
    "temp_store = MEMORY",
)


def open_file(path: Path) -> apsw.Connection:
    """A connection, waited for while other processes create the file: SQLite refuses to change the
    journal mode of a file in use at once, whatever the busy timeout is.

    Raises StoreError for another program's file and for that of a newer AION.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            return _connect(path)
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _connect(path: Path) -> apsw.Connection:
    """A connection with the pragmas and sqlite-vec; nothing is written before the file is known as ours."""
    _create(path)
    db = apsw.Connection(str(path))
    try:
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        if db.readonly("main"):
            raise apsw.ReadOnlyError
        _refuse_foreign(db, path)
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        db.enable_load_extension(True)
        db.load_extension(sqlite_vec.loadable_path())
        db.enable_load_extension(False)
    except BaseException:
        db.close()
        raise
    return db


def _create(path: Path) -> None:
    """A file that is not there yet, for its owner alone: all documents will be in it. SQLite gives the files
    beside it the same rights. What cannot be created, SQLite says."""
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _refuse_foreign(db: apsw.Connection, path: Path) -> None:
    if not db.execute("SELECT count(*) FROM sqlite_schema").get:
        return
    if db.execute("PRAGMA application_id").get != APPLICATION_ID:
        raise StoreError(
            f"{path} is an SQLite file of another program; give AION a file of its own with AION_DB.",
            param="AION_DB",
        )
    found = schema_version(db)
    if found > len(MIGRATIONS):
        raise StoreError(
            f"{path} has schema {found} and this AION knows schemas up to {len(MIGRATIONS)}; "
            "upgrade AION, restore a backup of this version (aion restore), or set AION_DB to another file.",
            param="AION_DB",
        )
