"""What happened, put on record: answers with all that tells why, feedback, whatever else has a kind."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from pathlib import Path

from aion.errors import AionError
from aion.events import kinds
from aion.events.late import LateFile
from aion.events.record import AnswerRecord, Recorded
from aion.events.writer import Backlog, Writer
from aion.store.event_rows import Entry, Judged, Line, line_of, now
from aion.store.events import Events
from aion.types import Event, Message, Retrieval

MAX_TURNS = 20  # of a conversation that are looked at
LATE_SUFFIX = "-late"
_LOG = logging.getLogger(__name__)


class EventLog:
    """The log of one process. Safe for threads and event loops; `close` writes what is still under way."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._late = late_file(events.store.path)
        self._writer = Writer(events, self._late)
        self._is_reserved = False

    @property
    def notice(self) -> str:
        """What an operator should know of it, "" when every event is in the database."""
        return self._writer.notice

    @property
    def backlog(self) -> Backlog:
        """What the database does not have yet."""
        return self._writer.backlog

    def reserve(self) -> None:
        """Keep room on the disk for events that come when it is full; it is given back by `close`."""
        try:
            self._late.reserve()
            self._is_reserved = True
        except OSError as error:
            _LOG.warning("No room is kept for events of a full disk: %s", error)

    def close(self) -> None:
        """Write what was handed in. Later events are refused."""
        self._writer.close()
        if self._is_reserved:
            self._late.release()

    async def answered(self, tenant: str, retrieval: Retrieval, record: AnswerRecord) -> Recorded:
        """Record `fallback` where there is one, `retrieval` with a row a passage, and `answer`, in one
        transaction; returns the id of the `answer` when they are on disk. Never fails: what cannot be
        written is in the warning."""
        refs = {"retrieval": 0}
        lines = [_about(line_of(retrieval), 1)]
        if record.fallback is not None:
            refs = {"fallback": 0, "retrieval": 1}
            fallback = Event(kinds.FALLBACK, 0.0, record.fallback.meta(record.prompt))
            lines = [Line(fallback, about=2), _about(line_of(retrieval), 2)]
        lines.append(Line(Event(kinds.ANSWER, 1.0, record.meta()), refs=refs))
        entry = Entry(tenant, tuple(lines), record.conversation, now())
        try:
            return await asyncio.wrap_future(self._writer.put(entry))
        except AionError as error:
            _LOG.error("An answer is not in the log: %s", error)
            return Recorded(0, f"This answer is not in the event log: {error.message}")

    async def failed(
        self, tenant: str, message: str, retrieval: Retrieval | None = None, route: str = "answer"
    ) -> Recorded:
        """Record an `error`, with what was found until then. Never fails."""
        event = Event(kinds.ERROR, 0.0, {"route": route, "message": message})
        lines = () if retrieval is None else (_about(line_of(retrieval), 1),)
        try:
            entry = Entry(tenant, (*lines, Line(event)), at=now())
            return await asyncio.wrap_future(self._writer.put(entry))
        except AionError as error:
            _LOG.error("An error is not in the log: %s", error)
            return Recorded(0, error.message)

    async def add(
        self,
        tenant: str,
        event: Event,
        *,
        subject: int | None = None,
        conversation: str | None = None,
        judged: tuple[Judged, ...] = (),
    ) -> Recorded:
        """Record one event, and the judgments of passages that it makes. Raises NotFound when the tenant has
        no event `subject`, StoreError when it is refused as it is."""
        line = Line(event, subject=subject, judged=judged)
        return await asyncio.wrap_future(self._writer.put(Entry(tenant, (line,), conversation, now())))

    def post(self, tenant: str, event: Event) -> None:
        """Record one event without waiting for it. From any thread."""
        self._writer.put(Entry(tenant, (Line(event),), at=now())).add_done_callback(_tell_if_refused)

    def history(
        self, tenant: str, conversation: str, limit: int = MAX_TURNS, *, asker: str = ""
    ) -> tuple[Message, ...]:
        """What `asker` asked in a conversation, any for "", and the answers, oldest first: its newest `limit`
        turns. Blocks on the disk. Raises StoreError."""
        return self._events.turns(tenant, conversation, limit, asker)


def late_file(database: Path) -> LateFile:
    """The file beside a database that keeps its late events."""
    return LateFile(database.with_name(database.name + LATE_SUFFIX))


def _about(line: Line, place: int) -> Line:
    return Line(line.event, line.passages, about=place)


def _tell_if_refused(future: Future[Recorded]) -> None:
    if error := future.exception():
        _LOG.error("An event is not in the log: %s", error)
