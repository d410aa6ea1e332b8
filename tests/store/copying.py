"""Stores to be copied, and what is in them: short forms for tests of backups, restores and upgrades."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aion.store import migrations
from aion.store.connection import Store
from aion.store.copies.backup import write_backup
from aion.store.copies.page_copy import Facts, snapshot
from aion.store.copies.restore import Restored, restore
from aion.store.event_rows import Entry
from aion.store.events import Events
from aion.store.opening import open_file
from aion.types import Event

BIG = "x" * 4000  # of an event's text: a page holds three of them


def quiet(_what: str, _done: int, _total: int) -> None:
    pass


def add_events(store: Store, n: int, kind: str = "note") -> list[int]:
    return [Events(store).append("t", Event(kind, at, {"text": BIG})) for at in range(n)]


def filled(path: Path, n: int = 20) -> Path:
    """A store of AION with `n` events, closed."""
    with Store(path) as store:
        add_events(store, n)
    return path


def old_store(path: Path, schema: int) -> Path:
    """A store as the AION of that schema left it, with a document in it."""
    db = open_file(path)
    for version, (name, step) in enumerate(migrations.MIGRATIONS[:schema], 1):
        migrations._apply(db, version, name, step)
    db.execute("INSERT INTO documents (tenant, source, title, content_hash, n_bytes, added_at) "
               "VALUES ('t', 'a.md', 'A', 'h', 1, '2026')")  # fmt: skip
    db.execute("INSERT INTO chunks (tenant, document_id, position, title, text, line) "
               "VALUES ('t', 1, 0, 'A', ?, 1)", (BIG * 50,))  # fmt: skip
    db.close()
    return path


def back_up(path: Path, out: Path, late: Sequence[Entry] = ()) -> tuple[Facts, int]:
    with snapshot(path) as source:
        return write_backup(source, path, out, late, quiet)


def put_back(backup: Path, path: Path, kept: Path | None = None) -> Restored:
    return restore(backup, path, kept, (), quiet)


def schema_of(path: Path) -> int:
    with snapshot(path) as db:
        return migrations.schema_version(db)


def values(path: Path) -> list[float]:
    """Of the events in a file, in order."""
    with snapshot(path) as db:
        return [value for (value,) in db.execute("SELECT value FROM events ORDER BY id")]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
