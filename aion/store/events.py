"""The append-only log: what happened, and which passages each question found. Knows few kinds by name;
triggers in the file refuse to change what was written, and to delete it but by event_removal.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from aion.errors import AionError, NotFound, StoreError
from aion.store import event_rows
from aion.store.connection import Store
from aion.store.event_rows import Entry, line_of
from aion.types import Event, Message, Passage, Retrieval

_PAGE = 500
_ID_BITS = 63  # of the numbers SQLite has
_ITS_OWN_FAULT = (
    apsw.ConstraintError, apsw.TooBigError, apsw.MismatchError, apsw.RangeError,
    TypeError, ValueError, OverflowError, RecursionError,
)  # fmt: skip
_COLUMNS = "SELECT id, at, kind, value, meta, conversation, subject FROM events"


class NotStorable(StoreError):
    """An event that SQLite refuses as it is; others are not concerned."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it was written; `at` is UTC, ISO 8601 with milliseconds, and says nothing of the order,
    which is that of the ids. `subject` is the event that it is about."""

    id: int
    at: str
    kind: str
    value: float
    meta: dict[str, object]
    conversation: str | None = None
    subject: int | None = None


class Events:
    """Each tenant's log, in the order of its ids. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def store(self) -> Store:
        """The file that the log is in."""
        return self._store

    def append(self, tenant: str, event: Event) -> int:
        """Write one event; returns its id. It is on disk when this returns."""
        return self.append_all(tenant, [event])[0]

    def append_retrieval(self, tenant: str, retrieval: Retrieval) -> int:
        """Write a "retrieval" event, its value the number of passages, and one row a passage."""
        return self.append_all(tenant, [retrieval])[0]

    def append_all(self, tenant: str, items: Sequence[Event | Retrieval]) -> tuple[int, ...]:
        """Write several in one transaction, all or none; returns their ids in order."""
        (written,) = self.write([Entry(tenant, tuple(map(line_of, items)))])
        if isinstance(written, AionError):
            raise written
        return written

    def write(
        self, entries: Sequence[Entry], wait_ms: int | None = None
    ) -> list[tuple[int, ...] | NotFound | NotStorable]:
        """Write entries in one transaction; for each its ids, or why it alone is not in: NotFound (what it is
        about), NotStorable. Raises StoreError when nothing is."""
        with self._store.write(wait_ms) as db:
            return [write_entry(db, entry) for entry in entries]

    def forget_keys(self, keys: Sequence[str]) -> None:
        """Entries with these keys are not given again."""
        if not keys:
            return
        with self._store.write() as db:
            db.executemany("DELETE FROM late_entries WHERE key = ?", [(key,) for key in keys])

    def find(self, tenant: str, event_id: int) -> EventRow | None:
        """The event of that id."""
        if event_id.bit_length() > _ID_BITS:
            return None
        with self._store.read() as db:
            row = db.execute(f"{_COLUMNS} WHERE tenant = ? AND id = ?", (tenant, event_id)).fetchone()
        return _row(row) if row else None

    def about(self, tenant: str, event_id: int) -> tuple[EventRow, ...]:
        """The events about that one, oldest first: of an answer its retrieval, its fallback, its feedback."""
        with self._store.read() as db:
            rows = db.execute(
                f"{_COLUMNS} WHERE tenant = ? AND subject = ? ORDER BY id",
                (tenant, event_id),
            )
            return tuple(_row(row) for row in rows)

    def retrieved(self, tenant: str, event_id: int) -> tuple[Passage, ...]:
        """The passages of one "retrieval" event, as they were then, in order."""
        with self._store.read() as db:
            rows = db.execute(
                """
                SELECT rank, chunk_id, document_id, source, title, text, line, score, cosine, bm25, page,
                    rerank, lexical_rank, dense_rank, wording, stems
                FROM retrievals WHERE tenant = ? AND event_id = ? ORDER BY rank
                """,
                (tenant, event_id),
            )
            return tuple(_passage(row) for row in rows)

    def list(
        self, tenant: str, kind: str | None = None, limit: int = 100, since: str = ""
    ) -> tuple[EventRow, ...]:
        """The newest `limit` events, newest first; of one `kind`, or of all that begin with it when it ends
        in a dot; from the time `since` on."""
        only = "AND at >= :since" if since else ""
        by = "" if only or kind else "NOT INDEXED"  # by id, not the whole tenant sorted
        if kind is not None:
            only += (
                " AND kind >= :kind AND kind < :kind || '~'" if kind.endswith(".") else " AND kind = :kind"
            )
        with self._store.read() as db:
            rows = db.execute(
                f"{_COLUMNS} {by} WHERE tenant = :tenant {only} ORDER BY id DESC LIMIT :limit",
                {"tenant": tenant, "kind": kind, "limit": limit, "since": since},
            )
            return tuple(_row(row) for row in rows)

    def all(self, tenant: str) -> Iterator[EventRow]:
        """Every event, oldest first."""
        after = 0
        while True:
            with self._store.read() as db:
                rows: list[Any] = db.execute(
                    f"{_COLUMNS} NOT INDEXED WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?",
                    (tenant, after, _PAGE),
                ).fetchall()
            if not rows:
                return
            yield from (_row(row) for row in rows)
            after = rows[-1][0]

    def turns(self, tenant: str, conversation: str, limit: int, asker: str = "") -> tuple[Message, ...]:
        """The newest `limit` questions and answers of a conversation, oldest first; those that `asker` asked,
        all for ""."""
        with self._store.read() as db:
            rows = db.execute(
                """
                SELECT meta ->> '$.prompt', meta ->> '$.reply' FROM events
                WHERE tenant = ?1 AND conversation = ?2 AND kind = 'answer'
                  AND (?4 = '' OR meta ->> '$.asker' = ?4)
                ORDER BY id DESC LIMIT ?3
                """,
                (tenant, conversation, limit, asker),
            ).fetchall()
        return tuple(
            message
            for prompt, reply in reversed(rows)
            for message in (Message("user", prompt or ""), Message("assistant", reply or ""))
        )


def write_entry(db: apsw.Connection, entry: Entry) -> tuple[int, ...] | NotFound | NotStorable:
    """Write an entry inside the caller's transaction: its ids, or why it alone is not in."""
    try:
        with event_rows.apart(db):
            return event_rows.write(db, entry)
    except NotFound as error:
        return error
    except _ITS_OWN_FAULT as error:
        kinds = ", ".join(str(line.event.kind) for line in entry.lines)
        return NotStorable(f"An event ({kinds}) cannot be stored as it is: {error}; it is left out.")


def _passage(row: tuple[Any, ...]) -> Passage:
    fields = list(row)
    fields[-1] = tuple(json.loads(row[-1]))
    return Passage(*fields)


def _row(row: tuple[Any, ...]) -> EventRow:
    id_, at, kind, value, meta, *about = row
    return EventRow(id_, at, kind, value, json.loads(meta), *about)
