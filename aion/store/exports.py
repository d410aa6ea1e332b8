"""How far each exported file is, and the events that are to go into one. Knows no form of a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aion.store.connection import Store

_PAGE = 200
_MAX_TURNS = 3


@dataclass(frozen=True, slots=True)
class ExportRow:
    """What a file holds: rows of one tenant in one form, chosen by `options`, of the events up to
    `last_event`. `at` is UTC, ISO 8601."""

    path: str
    tenant: str
    form: str
    options: Mapping[str, object]
    last_event: int
    n_rows: int
    at: str


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage of a logged retrieval."""

    text: str
    source: str
    title: str


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """Any event; `passages` are those of a retrieval."""

    id: int
    at: str
    kind: str
    value: float
    meta: dict[str, Any]
    conversation: str | None
    subject: int | None
    passages: tuple[FoundPassage, ...] = ()


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """An answer with all that is known of it by now: what its question found, `query` (what was searched
    for), the turns before it, oldest first, and the feedback it got, in order."""

    id: int
    at: str
    meta: dict[str, Any]
    passages: tuple[FoundPassage, ...]
    query: str
    is_rewritten: bool
    turns: tuple[tuple[str, str], ...]
    feedback: tuple[dict[str, Any], ...]


class Exports:
    """The table of exports and what it points at. Stateless; safe for threads; pages of events are read one
    by one, so that no reading holds up a checkpoint."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, path: str) -> ExportRow | None:
        """What the file of that path was written from; None when it never was by this store."""
        rows = self._rows(
            "SELECT path, tenant, form, options, last_event, n_rows, at FROM exports WHERE path = ?", path
        )
        for name, tenant, form, options, last_event, n_rows, at in rows:
            return ExportRow(name, tenant, form, json.loads(options), last_event, n_rows, at)
        return None

    def save(
        self, path: str, tenant: str, form: str, options: Mapping[str, object], last_event: int, n_rows: int
    ) -> None:
        """Note how far the file is, in place of what was noted before."""
        with self._store.write() as db:
            db.execute(
                "REPLACE INTO exports VALUES (?, ?, ?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))",
                (path, tenant, form, json.dumps(dict(options), sort_keys=True), last_event, n_rows),
            )

    def newest(self) -> int:
        """The id of the newest event of all tenants, 0 when there is none. Later ones have higher ids."""
        ((newest,),) = self._rows("SELECT coalesce(max(id), 0) FROM events")
        return int(newest)

    def has_answers(self, tenant: str) -> bool:
        """Whether anything was ever answered."""
        return bool(self._rows("SELECT 1 FROM events WHERE tenant = ? AND kind = 'answer' LIMIT 1", tenant))

    def existing(self, tenant: str, ids: Iterable[int]) -> set[int]:
        """Those of the events that are still in the log."""
        rows = self._rows(_EXISTING, tenant, json.dumps(list(ids)))
        return {event_id for (event_id,) in rows}

    def events(self, tenant: str, after: int, upto: int, since: str = "") -> Iterator[LoggedEvent]:
        """The events with ids in (after, upto], in order; from the time `since` on, UTC, ISO 8601."""
        for page in self._pages(_EVENTS, tenant, after, upto, since):
            found = self._passages(tenant, [row[0] for row in page if row[2] == "retrieval"])
            for event_id, at, kind, value, meta, conversation, subject in page:
                yield LoggedEvent(
                    event_id, at, kind, value, json.loads(meta), conversation, subject,
                    found.get(event_id, ()),
                )  # fmt: skip

    def answers(self, tenant: str, after: int, upto: int, since: str = "") -> Iterator[LoggedAnswer]:
        """The answers with ids in (after, upto], in order, with the feedback up to `upto`."""
        for page in self._pages(_ANSWERS, tenant, after, upto, since):
            yield from self._answers(tenant, page, upto)

    def reviewed(self, tenant: str, after: int, upto: int, since: str = "") -> Iterator[LoggedAnswer]:
        """The answers up to `after` that got feedback in (after, upto], in order."""
        ids = [
            answer
            for (answer,) in self._rows(
                "SELECT DISTINCT subject FROM events WHERE tenant = ? AND kind = 'feedback' AND id > ? "
                "AND id <= ? AND subject <= ? ORDER BY 1",
                tenant,
                after,
                upto,
                after,
            )
        ]
        for start in range(0, len(ids), _PAGE):
            page = self._rows(_BY_ID, tenant, json.dumps(ids[start : start + _PAGE]), since)
            yield from self._answers(tenant, page, upto)

    def _answers(self, tenant: str, page: list[Any], upto: int) -> Iterator[LoggedAnswer]:
        answers = json.dumps([row[0] for row in page])
        retrievals = {row[1]: row for row in self._rows(_RETRIEVALS, tenant, answers)}
        passages = self._passages(tenant, [row[0] for row in retrievals.values()])
        feedback: dict[int, list[dict[str, Any]]] = {}
        for subject, meta in self._rows(_FEEDBACK, tenant, upto, answers):
            feedback.setdefault(subject, []).append(json.loads(meta))
        for event_id, at, meta, conversation in page:
            retrieval, _, query, original = retrievals.get(event_id, (0, 0, None, None))
            told = json.loads(meta)
            asker = told.get("asker", "")
            turns = self._rows(_TURNS, tenant, conversation, event_id, asker) if conversation else []
            yield LoggedAnswer(
                event_id, at, told, passages.get(retrieval, ()), query or "",
                original is not None, tuple(reversed(turns)), tuple(feedback.get(event_id, ())),
            )  # fmt: skip

    def _passages(self, tenant: str, retrievals: Sequence[int]) -> dict[int, tuple[FoundPassage, ...]]:
        found: dict[int, tuple[FoundPassage, ...]] = {}
        for event_id, *passage in self._rows(_PASSAGES, tenant, json.dumps(retrievals)):
            found[event_id] = (*found.get(event_id, ()), FoundPassage(*passage))
        return found

    def _pages(self, statement: str, tenant: str, after: int, upto: int, since: str) -> Iterator[list[Any]]:
        while page := self._rows(statement, tenant, after, upto, since):
            yield page
            after = page[-1][0]

    def _rows(self, statement: str, *values: str | int | None) -> list[Any]:
        with self._store.read() as db:
            return db.execute(statement, values).fetchall()


# Without ANALYZE the planner takes an index that begins with the tenant for a good one; it is the whole log.
_EVENTS = f"""
    SELECT id, at, kind, value, meta, conversation, subject FROM events NOT INDEXED
    WHERE tenant = ?1 AND id > ?2 AND id <= ?3 AND at >= ?4 ORDER BY id LIMIT {_PAGE}
"""  # noqa: S608
_ANSWERS = f"""
    SELECT id, at, meta, conversation FROM events
    WHERE tenant = ?1 AND kind = 'answer' AND id > ?2 AND id <= ?3 AND at >= ?4 ORDER BY id LIMIT {_PAGE}
"""  # noqa: S608
_BY_ID = """
    SELECT id, at, meta, conversation FROM events NOT INDEXED
    WHERE tenant = ?1 AND kind = 'answer' AND id IN (SELECT value FROM json_each(?2)) AND at >= ?3 ORDER BY id
"""
_EXISTING = """
    SELECT id FROM events NOT INDEXED WHERE tenant = ?1
        AND id IN (SELECT value FROM json_each(?2))
"""
_RETRIEVALS = """
    SELECT id, subject, meta ->> '$.query', meta ->> '$.original' FROM events INDEXED BY events_subject
    WHERE tenant = ?1 AND kind = 'retrieval' AND subject IN (SELECT value FROM json_each(?2))
"""
_FEEDBACK = """
    SELECT subject, meta FROM events INDEXED BY events_subject
    WHERE tenant = ?1 AND kind = 'feedback' AND id <= ?2 AND subject IN (SELECT value FROM json_each(?3))
    ORDER BY id
"""
_PASSAGES = """
    SELECT event_id, text, source, title FROM retrievals
    WHERE tenant = ?1 AND event_id IN (SELECT value FROM json_each(?2)) ORDER BY event_id, rank
"""
_TURNS = f"""
    SELECT coalesce(meta ->> '$.prompt', ''), coalesce(meta ->> '$.reply', '') FROM events
    WHERE tenant = ?1 AND conversation = ?2 AND kind = 'answer' AND id < ?3
      AND (?4 = '' OR meta ->> '$.asker' = ?4)
    ORDER BY id DESC LIMIT {_MAX_TURNS}
"""  # noqa: S608
