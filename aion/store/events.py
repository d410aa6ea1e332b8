"""The append-only log: what happened, and which passages each question found. Knows no kind but its own
"retrieval"; triggers in the file refuse to change or delete what was written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from aion.store.connection import Store
from aion.types import Event, Passage, Retrieval


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it was written; `at` is UTC, ISO 8601 with milliseconds."""

    id: int
    at: str
    kind: str
    value: float
    meta: dict[str, object]


class Events:
    """Each tenant's log, in the order of its ids. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, tenant: str, event: Event) -> int:
        """Write one event; returns its id. It is on disk when this returns."""
        return self.append_all(tenant, [event])[0]

    def append_retrieval(self, tenant: str, retrieval: Retrieval) -> int:
        """Write a "retrieval" event, its value the number of passages, and one row a passage."""
        return self.append_all(tenant, [retrieval])[0]

    def append_all(self, tenant: str, items: Sequence[Event | Retrieval]) -> tuple[int, ...]:
        """Write several in one transaction, all or none; returns their ids in order."""
        with self._store.write() as db:
            return tuple(_insert(db, tenant, item) for item in items)

    def retrieved(self, tenant: str, event_id: int) -> tuple[Passage, ...]:
        """The passages of one "retrieval" event, as they were then, in order."""
        with self._store.read() as db:
            rows = db.execute(
                """
                SELECT rank, chunk_id, document_id, source, title, text, line,
                    score, cosine, bm25, page, rerank
                FROM retrievals WHERE tenant = ? AND event_id = ? ORDER BY rank
                """,
                (tenant, event_id),
            )
            return tuple(Passage(*row) for row in rows)

    def list(self, tenant: str, kind: str | None = None, limit: int = 100) -> tuple[EventRow, ...]:
        """The newest `limit` events, newest first; of one kind when `kind` is given."""
        only = "" if kind is None else "AND kind = :kind"
        with self._store.read() as db:
            rows = db.execute(
                "SELECT id, at, kind, value, meta FROM events "  # noqa: S608
                f"WHERE tenant = :tenant {only} ORDER BY id DESC LIMIT :limit",
                {"tenant": tenant, "kind": kind, "limit": limit},
            )
            return tuple(
                EventRow(id_, at, kind_, value, json.loads(meta)) for id_, at, kind_, value, meta in rows
            )


def _insert(db: apsw.Connection, tenant: str, item: Event | Retrieval) -> int:
    if isinstance(item, Event):
        return _insert_event(db, tenant, item)
    meta: dict[str, object] = {"query": item.query, "ms": item.ms}
    if item.original is not None:
        meta["original"] = item.original
    event_id = _insert_event(db, tenant, Event("retrieval", len(item.passages), meta))
    _insert_passages(db, tenant, event_id, item.passages)
    return event_id


def _insert_event(db: apsw.Connection, tenant: str, event: Event) -> int:
    meta = json.dumps(event.meta, ensure_ascii=False, allow_nan=False)
    db.execute(
        """
        INSERT INTO events (tenant, at, kind, value, meta)
        VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ'), ?, ?, ?)
        """,
        (tenant, event.kind, event.value, _storable(meta)),
    )
    return db.last_insert_rowid()


def _insert_passages(db: apsw.Connection, tenant: str, event_id: int, passages: Sequence[Passage]) -> None:
    db.executemany(
        """
        INSERT INTO retrievals (event_id, tenant, rank, chunk_id, document_id, source, title, text, line,
            score, cosine, bm25, page, rerank)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            (event_id, tenant, p.n, p.chunk_id, p.document_id, p.source, p.title, p.text, p.line,
             p.score, p.cosine, p.bm25, p.page, p.rerank)
            for p in passages
        ),
    )  # fmt: skip


def _storable(text: str) -> str:
    """`text` with lone surrogates, which JSON escapes can smuggle in, turned into question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
