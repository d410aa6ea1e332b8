"""The one SQLite file: opening it, its one writer, its readers. Knows no table but the schema's version."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import apsw

from aion.errors import StoreError
from aion.store.copies.upgrade import keep_before
from aion.store.migrations import migrate
from aion.store.opening import BUSY_TIMEOUT_MS, open_file
from aion.store.sqlite_errors import translated
from aion.store.transaction import immediate

_MIGRATION_WAIT_MS = 600_000  # for another process that copies the file and brings it up to date


class Store:
    """An open AION file. One write at a time in this process and, by SQLite's lock, in all others;
    every reading thread has a connection of its own that cannot write. Safe to share between threads.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file and bring its schema up to date, after keeping a copy of it as it was.

        Raises StoreError: no SQLite file, another program's, of a newer AION, damaged when a copy is to be
        made of it or too large for one, or not writable.
        """
        self.path = path
        self._write_lock = threading.RLock()
        self._local = threading.local()
        self._open_lock = threading.Lock()  # none opens behind `close`, which would make files anew
        self._readers: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._closed = False
        with translated(path, BUSY_TIMEOUT_MS):
            self._writer = open_file(path)
        try:
            with translated(path, _MIGRATION_WAIT_MS):
                self._writer.set_busy_timeout(_MIGRATION_WAIT_MS)
                migrate(self._writer, lambda found: keep_before(path, found))
                self._writer.set_busy_timeout(BUSY_TIMEOUT_MS)
        except BaseException:
            self._writer.close()
            raise

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
            with translated(self.path, wait_ms):
                self._writer.set_busy_timeout(wait_ms)
                with immediate(self._writer) as db:
                    yield db
        finally:
            self._write_lock.release()

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """This thread's own read connection; it sees what was committed before each statement."""
        with translated(self.path, BUSY_TIMEOUT_MS):
            yield self._reader()

    def vacuum(self) -> bool:
        """Write the file anew without the space of deleted rows. Others read meanwhile and wait to write; the
        disk must have room for a second file. False when another process reads for long, and so keeps what
        was there before in the file and its log. Raises StoreError when there is no room."""
        with self._write_lock, translated(self.path, BUSY_TIMEOUT_MS):
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
                reader = open_file(self.path)
                reader.execute("PRAGMA query_only = ON")
                self._readers.add(reader)
            self._local.reader = reader
        return reader
