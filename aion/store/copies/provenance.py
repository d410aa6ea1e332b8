"""Which copies a file comes from: that it is a backup, by which AION; that its content was restored, and so
is another than before. Everything inside the caller's transaction."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal

import apsw

from aion import __version__

CopyKind = Literal["backup", "restore"]

# The newest row of either kind tells of the file as it is now. `token` is random: two restores are never
# alike, not even of the same backup.
_TABLE = """
    CREATE TABLE copies (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('backup', 'restore')),
        aion TEXT NOT NULL,
        token TEXT NOT NULL
    ) STRICT
"""


@dataclass(frozen=True, slots=True)
class Copied:
    """That the file was made as a backup, or filled from one, `at` a time (UTC, ISO 8601) by that AION."""

    at: str
    kind: CopyKind
    aion: str


def add_copy_tables(db: apsw.Connection) -> None:
    """The step "copies" of the schema."""
    db.execute(_TABLE)


def note(db: apsw.Connection, kind: CopyKind) -> None:
    """Put on record that this file is a backup, or has its content from one."""
    db.execute(
        "INSERT INTO copies (at, kind, aion, token) VALUES (strftime('%Y-%m-%dT%H:%M:%fZ'), ?, ?, ?)",
        (kind, __version__, secrets.token_hex(8)),
    )


def newest(db: apsw.Connection, kind: CopyKind) -> Copied | None:
    """The last note of that kind."""
    row: Any = db.execute(
        "SELECT at, kind, aion FROM copies WHERE kind = ? ORDER BY id DESC LIMIT 1", (kind,)
    ).fetchone()
    return Copied(*row) if row else None


def generation(db: apsw.Connection) -> str:
    """Another text after every restore: what is kept in memory of the file is then of another content, and
    ids in it may be of other things. Microseconds."""
    row = db.execute("SELECT token FROM copies WHERE kind = 'restore' ORDER BY id DESC LIMIT 1").fetchone()
    return str(row[0]) if row else ""
