"""What a restore does not take back: which ids were given, what was spent, who may come in.

It is read from the file whose content goes and put into the content that comes.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import apsw

_TABLES = ("sqlite_sequence", "paid_calls", "keys", "sessions")
_REVOKE_NAMESAKES = """
    UPDATE keys SET revoked_at = strftime('%Y-%m-%dT%H:%M:%fZ')
    WHERE revoked_at IS NULL AND name = :name AND id <> :id AND :revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Carried:
    """Rows of the file that goes, by table, each with its columns' names."""

    rows: dict[str, list[dict[str, Any]]]


def read(db: apsw.Connection) -> tuple[Carried, str]:
    """What a file of any schema has of it, and of what a damaged one has lost some, or ""."""
    lost: list[str] = []
    rows = {table: _rows(db, table, lost) for table in _TABLES}
    return Carried(rows), f"the file was damaged; not all is carried over of {', '.join(lost)}" * bool(lost)


def put(db: apsw.Connection, carried: Carried) -> None:
    """Put it into a file of this AION's schema, inside the caller's transaction.

    Ids that were given are not given again, so that no answer, key or passage that somebody remembers turns
    into another one. Of a call or key that both have, what the file that goes knew of it holds. Of two keys
    of one name, its own stays in use. Sessions are its own alone.
    """
    for row in carried.rows["sqlite_sequence"]:
        _give_no_more_up_to(db, row["name"], row["seq"])
    for row in carried.rows["paid_calls"]:
        _make_way(db, row)
    for row in carried.rows["keys"]:
        db.execute(_REVOKE_NAMESAKES, row)
    db.execute("DELETE FROM sessions")
    for table in ("paid_calls", "keys", "sessions"):
        _put(db, table, carried.rows[table])


def _give_no_more_up_to(db: apsw.Connection, table: str, last: int) -> None:
    db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, table))
    is_there = db.execute(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)
    ).get
    if not db.changes() and is_there:
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last))


def _make_way(db: apsw.Connection, row: dict[str, Any]) -> None:
    """A call of another file's history that has the same id keeps its row under another one."""
    db.execute(
        "UPDATE paid_calls SET id = (SELECT seq FROM sqlite_sequence WHERE name = 'paid_calls') + 1 "
        "WHERE id = :id AND (tenant, at) <> (:tenant, :at)",
        row,
    )
    if db.changes():
        db.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'paid_calls'")


def _put(db: apsw.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    columns = [name for name in _columns(db, table) if name in rows[0]]
    sql = (
        f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) "  # noqa: S608
        f"VALUES ({', '.join(f':{name}' for name in columns)})"
    )
    for row in rows:
        with contextlib.suppress(apsw.ConstraintError):  # what a damaged file had for a row
            db.execute(sql, row)


def _columns(db: apsw.Connection, table: str) -> tuple[str, ...]:
    return tuple(row[1] for row in db.execute(f"PRAGMA table_info({table})"))


def _rows(db: apsw.Connection, table: str, lost: list[str]) -> list[dict[str, Any]]:
    """[] of a table that the file does not have; those before the damage of one that is damaged, which is
    then put with `lost`."""
    rows: list[dict[str, Any]] = []
    try:
        if columns := _columns(db, table):
            found = db.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608
            rows.extend(dict(zip(columns, row, strict=True)) for row in found)
    except apsw.Error as error:
        lost.append(f"{table} ({error})")
    return rows
