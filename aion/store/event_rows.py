"""Events as they become rows. Everything runs inside the caller's transaction.

What comes from models and strangers is made storable here: half characters, numbers that are none, types that
JSON does not know. No event is lost because of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import apsw

from aion.errors import NotFound
from aion.store import judgments
from aion.types import Event, Passage, Retrieval

RETRIEVAL: Final = "retrieval"
ERASURE: Final = "erasure"
RETENTION: Final = "retention"
DOCUMENT_ADDED: Final = "document.added"
DOCUMENT_CHANGED: Final = "document.changed"
DOCUMENT_REMOVED: Final = "document.removed"

_MAX_DEPTH = 100  # SQLite takes JSON of 1,000 levels


@dataclass(frozen=True, slots=True)
class Judged:
    """That a passage answers a question (`grade` above 0) or not (0); None takes back what was said of it.
    `text_hash` is hexadecimal."""

    question: str
    source: str
    text_hash: str
    grade: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One event of an entry. `about` is the place, in the entry, of the event that this one is about, and
    `subject` its id where it was written before; `refs` puts the ids of other lines into the meta."""

    event: Event
    passages: tuple[Passage, ...] = ()
    about: int | None = None
    subject: int | None = None
    refs: Mapping[str, int] = field(default_factory=dict)
    judged: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """Events that are written together or not at all. `at` is when they happened, UTC, ISO 8601 with
    milliseconds; an entry with a `key` is written once, however often it is given."""

    tenant: str
    lines: tuple[Line, ...]
    conversation: str | None = None
    at: str = ""
    key: str = ""


def now() -> str:
    """This moment, as `at` has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def line_of(item: Event | Retrieval) -> Line:
    """An event, or what a question found: its value the number of passages."""
    if isinstance(item, Event):
        return Line(item)
    meta: dict[str, object] = {"query": item.query, "ms": item.ms}
    if item.original is not None:
        meta["original"] = item.original
    if item.stages:
        meta["stages"] = dict(item.stages)
    if item.stems:
        meta["stems"] = list(item.stems)
    if item.n_similar:
        meta["similar"] = item.n_similar
    return Line(Event(RETRIEVAL, len(item.passages), meta), item.passages)


def storable_entry(entry: Entry) -> Entry:
    """The entry as it would be read again, which any JSON can hold."""
    return replace(entry, lines=tuple(_storable_line(line) for line in entry.lines))


def write(db: apsw.Connection, entry: Entry) -> tuple[int, ...]:
    """Write an entry; the ids of its events in order, none when its key was written before.

    Raises NotFound when the tenant has no event of a line's subject (any more).
    """
    if entry.key:
        db.execute("INSERT OR IGNORE INTO late_entries VALUES (?)", (entry.key,))
        if not db.changes():
            return ()
    last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").get
    ids = tuple(range((last or 0) + 1, (last or 0) + 1 + len(entry.lines)))
    at = entry.at or now()
    for event_id, line in zip(ids, entry.lines, strict=True):
        refs = {name: ids[place] for name, place in line.refs.items()}
        subject = line.subject if line.about is None else ids[line.about]
        if line.subject is not None:
            _refuse_unknown(db, entry.tenant, line.subject)
        _insert(db, entry, event_id, at, line.event, subject, refs)
        _insert_passages(db, entry.tenant, event_id, line.passages)
        for judged in line.judged:
            _judge(db, entry.tenant, judged)
    return ids


@contextmanager
def apart(db: apsw.Connection) -> Iterator[None]:
    """What fails in the block leaves what the transaction did before it."""
    db.execute("SAVEPOINT entry")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # SQLite itself rolls back on a full disk and the like
            db.execute("ROLLBACK TO entry")
            db.execute("RELEASE entry")
        raise
    db.execute("RELEASE entry")


def as_json(value: object) -> str:
    """`value` as JSON that SQLite takes."""
    return json.dumps(_plain(value, 0), ensure_ascii=False, allow_nan=False)


def _refuse_unknown(db: apsw.Connection, tenant: str, event_id: int) -> None:
    if not db.execute("SELECT count(*) FROM events WHERE tenant = ? AND id = ?", (tenant, event_id)).get:
        raise NotFound(f"There is no event {event_id}; `aion events list` shows what there is.")


def _insert(
    db: apsw.Connection,
    entry: Entry,
    event_id: int,
    at: str,
    event: Event,
    subject: int | None,
    refs: Mapping[str, int],
) -> None:
    conversation = None if entry.conversation is None else storable(entry.conversation)
    db.execute(
        """
        INSERT INTO events (id, tenant, at, kind, value, meta, conversation, subject)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            event_id, entry.tenant, at, event.kind, _finite(event.value), as_json({**event.meta, **refs}),
            conversation, subject,
        ),
    )  # fmt: skip


def _insert_passages(db: apsw.Connection, tenant: str, event_id: int, passages: Sequence[Passage]) -> None:
    db.executemany(
        """
        INSERT INTO retrievals (event_id, tenant, rank, chunk_id, document_id, source, title, text, line,
            score, cosine, bm25, page, rerank, lexical_rank, dense_rank, wording, stems)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            (event_id, tenant, p.n, p.chunk_id, p.document_id, storable(p.source), storable(p.title),
             storable(p.text), p.line, p.score, p.cosine, p.bm25, p.page, p.rerank, p.lexical_rank,
             p.dense_rank, p.wording, as_json(list(p.stems)))
            for p in map(_storable_passage, passages)
        ),
    )  # fmt: skip


def _judge(db: apsw.Connection, tenant: str, judged: Judged) -> None:
    about = (judged.question, judged.source, bytes.fromhex(judged.text_hash), judgments.FEEDBACK)
    if judged.grade is None:
        judgments.take_back(db, tenant, *about)
    else:
        judgments.put(db, tenant, *about, judged.grade)


def _storable_line(line: Line) -> Line:
    meta = {storable(str(name)): _plain(value, 1) for name, value in line.event.meta.items()}
    event = Event(line.event.kind, _finite(line.event.value), meta)
    return replace(line, event=event, passages=tuple(map(_storable_passage, line.passages)))


def _storable_passage(passage: Passage) -> Passage:
    rerank = None if passage.rerank is None else _finite(passage.rerank)
    return replace(
        passage,
        score=_finite(passage.score),
        cosine=_finite(passage.cosine),
        bm25=_finite(passage.bm25),
        wording=_finite(passage.wording),
        rerank=rerank,
    )


def storable(text: str) -> str:
    """`text` with lone surrogates, which JSON escapes can smuggle in, turned into question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _finite(value: float) -> float:
    return float(value) if math.isfinite(value) else 0.0


def _plain(value: object, depth: int) -> object:
    """What JSON has: numbers that are none become null, whatever else there is a text."""
    if depth > _MAX_DEPTH:
        return "..."
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {storable(str(key)): _plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item, depth + 1) for item in value]
    return storable(str(value))
