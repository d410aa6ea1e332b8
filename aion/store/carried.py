"""What a restore does not take back: which ids were given, what was spent, which keys were revoked.

It is read from the file whose content goes and put into the content that comes.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import apsw


@dataclass(frozen=True, slots=True)
class Carried:
    """Rows of the file that goes: ids given so far by table, paid calls by column, revocations by key, and
    the sessions that are open."""

    given: dict[str, int]
    paid_columns: tuple[str, ...]
    paid_calls: tuple[tuple[Any, ...], ...]
    revoked: dict[str, str]
    sessions: frozenset[str]


def read(db: apsw.Connection) -> tuple[Carried, str]:
    """What a file of any schema has of it, and of what a damaged one has lost some, or ""."""
    lost: list[str] = []
    given = _rows(db, "sqlite_sequence", "name, seq", lost)
    columns = _columns(db, "paid_calls") if not lost else ()
    carried = Carried(
        dict(given),
        columns,
        tuple(_rows(db, "paid_calls", ", ".join(columns), lost)) if columns else (),
        {key_id: at for key_id, at in _rows(db, "keys", "id, revoked_at", lost) if at},
        frozenset(token for (token,) in _rows(db, "sessions", "token_sha256", lost)),
    )
    return carried, f"the file was damaged; not all is carried over of {', '.join(lost)}" * bool(lost)


def put(db: apsw.Connection, carried: Carried) -> None:
    """Put it into a file of this AION's schema, inside the caller's transaction.

    Ids that were given are not given again, so that no answer, key or passage that somebody remembers turns
    into another one. Of a call that both have, what the file that goes knew of it holds.
    """
    for table, last in carried.given.items():
        _give_no_more_up_to(db, table, last)
    if carried.paid_calls:
        _put_paid_calls(db, carried)
    db.executemany(
        "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
        [(at, key_id) for key_id, at in carried.revoked.items()],
    )
    stored = {token for (token,) in db.execute("SELECT token_sha256 FROM sessions")}
    db.executemany(
        "DELETE FROM sessions WHERE token_sha256 = ?", [(token,) for token in stored - carried.sessions]
    )
    db.execute("DELETE FROM sessions WHERE key_id IN (SELECT id FROM keys WHERE revoked_at IS NOT NULL)")


def _give_no_more_up_to(db: apsw.Connection, table: str, last: int) -> None:
    db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, table))
    is_there = db.execute(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)
    ).get
    if not db.changes() and is_there:
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last))


def _put_paid_calls(db: apsw.Connection, carried: Carried) -> None:
    """A call of another file's history that has the same id keeps its row under another one."""
    columns = [name for name in carried.paid_columns if name in _columns(db, "paid_calls")]
    at = {name: carried.paid_columns.index(name) for name in columns}
    for row in carried.paid_calls:
        db.execute(
            "UPDATE paid_calls SET id = (SELECT seq FROM sqlite_sequence WHERE name = 'paid_calls') + 1 "
            "WHERE id = ? AND (tenant, at) <> (?, ?)",
            (row[at["id"]], row[at["tenant"]], row[at["at"]]),
        )
        if db.changes():
            db.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'paid_calls'")
        with contextlib.suppress(apsw.ConstraintError):  # what a damaged file had for a call
            db.execute(
                f"INSERT OR REPLACE INTO paid_calls ({', '.join(columns)}) "  # noqa: S608
                f"VALUES ({', '.join('?' for _ in columns)})",
                [row[at[name]] for name in columns],
            )


def _columns(db: apsw.Connection, table: str) -> tuple[str, ...]:
    return tuple(row[1] for row in db.execute(f"PRAGMA table_info({table})"))


def _rows(db: apsw.Connection, table: str, columns: str, lost: list[str]) -> list[Any]:
    """[] of a table that the file does not have; those before the damage of one that is damaged, which is
    then put with `lost`."""
    rows: list[Any] = []
    try:
        if _columns(db, table):
            rows.extend(db.execute(f"SELECT {columns} FROM {table}"))  # noqa: S608
    except apsw.Error as error:
        lost.append(f"{table} ({error})")
    return rows
