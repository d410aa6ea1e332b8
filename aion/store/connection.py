"""The one SQLite file: opening it, its one writer, its readers. Knows no table but the schema's version."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import apsw
import sqlite_vec

from aion.errors import StoreError
from aion.store.migrations import APPLICATION_ID, MIGRATIONS, migrate, schema_version
from aion.store.transaction import immediate

BUSY_TIMEOUT_MS = 10_000
# One by one: APSW stops a many-statement string at the first row that nobody fetches. page_size counts
# only before the first write. mmap_size: mapped pages count as resident, and vectors are searched in memory;
# 1 GB took 150 MiB more at 100,000 chunks and no less time. synchronous=FULL: what was answered or spent
# survives a power cut too.
_PRAGMAS = (
    "page_size = 16384",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "mmap_size = 67108864",
    "cache_size = -65536",
    "temp_store = MEMORY",
)


class Store:
    """An open AION file. One write at a time in this process and, by SQLite's lock, in all others;
    every reading thread has a connection of its own that cannot write. Safe to share between threads.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file and bring its schema up to date.

        Raises StoreError: no SQLite file, another program's, of a newer AION, or not writable.
        """
        self.path = path
        self._write_lock = threading.RLock()
        self._local = threading.local()
        self._open_lock = threading.Lock()  # none opens behind `close`, which would make files anew
        self._readers: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._closed = False
        with self._translated():
            self._writer = _open(path)
            migrate(self._writer)

    @contextmanager
    def write(self, wait_ms: int | None = None) -> Iterator[apsw.Connection]:
        """One transaction: all of the block is in the file, or nothing of it is. Not to be nested.

        It waits BUSY_TIMEOUT_MS for other processes, and for threads of this one until they are done; with
        `wait_ms` no longer than that for either. Raises StoreError when it waited in vain.
        """
        if not self._write_lock.acquire(timeout=-1 if wait_ms is None else wait_ms / 1000):
            raise StoreError(f"{self.path} is being written by another part of AION; try again later.")
        wait_ms = BUSY_TIMEOUT_MS if wait_ms is None else wait_ms
        try:
            with self._translated(wait_ms):
                self._writer.set_busy_timeout(wait_ms)
                with immediate(self._writer) as db:
                    yield db
        finally:
            self._write_lock.release()

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """This thread's own read connection; it sees what was committed before each statement."""
        with self._translated():
            yield self._reader()

    def vacuum(self) -> bool:
        """Write the file anew without the space of deleted rows. Others read meanwhile and wait to write; the
        disk must have room for a second file. False when another process reads for long, and so keeps what
        was there before in the file and its log. Raises StoreError when there is no room."""
        with self._write_lock, self._translated():
            self._writer.execute("PRAGMA temp_store = FILE")  # the second file is no temporary of this memory
            try:
                self._writer.execute("VACUUM")
                busy, _, _ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
            finally:
                self._writer.execute("PRAGMA temp_store = MEMORY")
        return not busy

    def close(self) -> None:
        """Close every connection; reading or writing afterwards raises StoreError."""
        with self._write_lock, self._open_lock:
            self._closed = True
            for reader in list(self._readers):
                with suppress(apsw.ThreadingViolationError):  # closes when its thread lets go of it
                    reader.close()
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reader(self) -> apsw.Connection:
        if self._closed:
            raise apsw.ConnectionClosedError
        reader: apsw.Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            with self._open_lock:
                if self._closed:
                    raise apsw.ConnectionClosedError
                reader = _open(self.path)
                reader.execute("PRAGMA query_only = ON")
                self._readers.add(reader)
            self._local.reader = reader
        return reader

    @contextmanager
    def _translated(self, waited_ms: int = BUSY_TIMEOUT_MS) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            raise StoreError(_sentence(self.path, error, waited_ms)) from error


def _open(path: Path) -> apsw.Connection:
    """A connection, waited for while other processes create the file: SQLite refuses to change the
    journal mode of a file in use at once, whatever the busy timeout is."""
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
            "upgrade AION or set AION_DB to another file.",
            param="AION_DB",
        )


def _sentence(path: Path, error: apsw.Error, waited_ms: int) -> str:
    """SQLite's error for a person: the file, what happened, the way out."""
    for kinds, words in _SENTENCES:
        if isinstance(error, kinds):
            return f"{path} {words.format(waited=waited_ms / 1000)}."
    return f"{path} did not do what was asked ({str(error) or type(error).__name__}); run aion doctor."


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
    (apsw.CorruptError, "is damaged; put a backup in its place, or move it away and ingest again"),
    (apsw.ConnectionClosedError, "was closed; open the store again"),
)
