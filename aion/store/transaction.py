"""One write transaction on one connection; knows neither tables nor threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw


@contextmanager
def immediate(db: apsw.Connection) -> Iterator[apsw.Connection]:
    """Take the write lock at once, then commit, or roll back whatever was raised.

    BEGIN IMMEDIATE waits for another writer here, where the busy timeout holds; a transaction
    that turns from reading to writing later can be refused without any wait.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite itself rolls back on a full disk and the like
            db.execute("ROLLBACK")
        raise
