"""The one thread that writes events. What requests hand in while it writes goes into its next transaction.

What the database cannot take now is kept in order, in the late file or, where that fails too, in memory, and
written when it can; what came later waits behind it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from aion.errors import AionError, StoreError
from aion.events.late import LateFile
from aion.events.record import Recorded
from aion.store.event_rows import Entry, as_json, storable_entry
from aion.store.events import Events

MOST_TOGETHER = 256  # entries of one transaction
WAIT_MS = 2_000  # for a database that others write to; an answer is late by no more
RETRY_S = (1.0, 30.0)  # first and longest pause between two tries
MAX_KEPT_BYTES = 64 * 2**20  # of events in memory
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Item:
    """An entry and who waits for it: told of the event at `place`."""

    entry: Entry
    place: int
    future: Future[Recorded]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many entries wait for the database in this process (those in the late file are not counted), how
    many could not be kept, and for how many seconds it has taken none, 0 while it does."""

    n_waiting: int
    n_lost: int
    behind_s: float


class Writer:
    """`put` from any thread; `close` once. The thread starts with the first entry."""

    def __init__(self, events: Events, late: LateFile) -> None:
        self._events = events
        self._late = late
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._memory: deque[Entry] = deque()
        self._n_bytes = 0
        self._n_lost = 0
        self._trouble = ""
        self._troubled_since = 0.0
        self._retry_at, self._pause_s = 0.0, RETRY_S[0]
        self._look_for_others()
        if self._trouble:
            self._start()

    @property
    def notice(self) -> str:
        """What an operator should know of it, or ""."""
        told = []
        if self._trouble:
            told.append(f"Events wait to be written: {self._trouble}")
        if self._memory:
            told.append(f"{len(self._memory)} of them would be lost if AION were stopped now.")
        if self._n_lost:
            told.append(f"{self._n_lost} could not be kept and are lost.")
        return " ".join(told)

    @property
    def backlog(self) -> Backlog:
        """As it is now; waits for nothing."""
        behind_s = time.monotonic() - self._troubled_since if self._trouble else 0.0
        return Backlog(self._queue.qsize() + len(self._memory), self._n_lost, behind_s)

    def put(self, entry: Entry, place: int = -1) -> Future[Recorded]:
        """Hand in an entry; what comes back tells of its event at `place` when it is on disk or kept. Fails
        with NotFound when what it is about is not there."""
        future: Future[Recorded] = Future()
        future.set_running_or_notify_cancel()  # who goes away does not take the event along
        with self._lock:
            if self._is_closed:
                future.set_exception(StoreError("The log of events is closed; AION is being stopped."))
                return future
            self._start()
            self._queue.put(Item(entry, place, future))
        return future

    def close(self) -> None:
        """Write all that was handed in, then end."""
        with self._lock:
            self._is_closed = True
            self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="events", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            items, goes_on = self._next()
            self._look_for_others()
            if self._trouble and (not goes_on or time.monotonic() >= self._retry_at):
                self._catch_up()
            if items:
                self._take(items)
        if self._trouble:
            self._catch_up()
        self._leave()

    def _leave(self) -> None:
        """Put what is left in memory into the file, for the next start."""
        try:
            for entry in self._memory:
                self._late.append(entry)
        except OSError as error:
            _LOG.error("Events in memory are lost: %s %s", self._trouble, error)

    def _next(self) -> tuple[list[Item], bool]:
        """What has come in, nothing when it is time to try again; and whether more may come."""
        items: list[Item] = []
        try:
            wait = max(0.0, self._retry_at - time.monotonic()) if self._trouble else None
            while len(items) < MOST_TOGETHER:
                item = self._queue.get(timeout=wait) if not items else self._queue.get_nowait()
                if item is None:
                    return items, False
                items.append(item)
        except queue.Empty:
            pass
        return items, True

    def _look_for_others(self) -> None:
        """Events that another process left, or this one before it ended, come first."""
        if not self._trouble and not self._late.is_empty:
            self._trouble, self._troubled_since = "AION ended before they were.", time.monotonic()

    def _take(self, items: Sequence[Item]) -> None:
        """Write these, or keep them; who waits is told, whatever happens."""
        if not self._trouble:
            try:
                outcomes = self._events.write([item.entry for item in items], WAIT_MS)
            except Exception as error:
                self._failed(error)
            else:
                for item, outcome in zip(items, outcomes, strict=True):
                    if isinstance(outcome, AionError):
                        item.future.set_exception(outcome)
                    else:
                        item.future.set_result(Recorded(outcome[item.place]))
                return
        for item in items:
            try:
                item.future.set_result(Recorded(0, self._keep(item.entry)))
            except Exception as error:
                _LOG.exception("An event cannot be kept.")
                item.future.set_exception(StoreError(f"An event cannot be kept: {error}."))

    def _failed(self, error: Exception) -> None:
        """Note why, and when to try again."""
        if not self._trouble:
            _LOG.warning("Events cannot be written and are kept: %s", error)
            self._troubled_since = time.monotonic()
        self._trouble = str(error)
        self._retry_at = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, RETRY_S[1])

    def _keep(self, entry: Entry) -> str:
        """Keep an entry for later; returns the warning."""
        entry = storable_entry(replace(entry, key=uuid.uuid4().hex))
        told = f"This is not in the event log yet: {self._trouble}"
        if not self._memory:  # what is in memory is behind what is in the file
            try:
                self._late.append(entry)
            except OSError as error:
                _LOG.warning("%s takes no events: %s", self._late.path, error)
            else:
                return f"{told} It is kept in {self._late.path} and written when that works."
        size = len(as_json([line.event.meta for line in entry.lines])) + sum(
            len(passage.text) for line in entry.lines for passage in line.passages
        )
        if self._n_bytes + size > MAX_KEPT_BYTES:
            self._n_lost += 1
            return f"This could not be logged: {self._trouble} There is no room to keep it for later."
        self._memory.append(entry)
        self._n_bytes += size
        return f"{told} It is kept in memory and written when that works, unless AION is stopped before."

    def _catch_up(self) -> None:
        """Write what was kept, in order."""
        try:
            written = self._write_file()
            while self._memory:
                some = [self._memory[n] for n in range(min(len(self._memory), MOST_TOGETHER))]
                self._write_kept(some)
                written += [self._memory.popleft().key for _ in some]
            self._events.forget_keys(written)
        except Exception as error:
            self._failed(error)
            return
        _LOG.warning("The events that were kept are written.")
        self._trouble, self._n_bytes, self._pause_s = "", 0, RETRY_S[0]

    def _write_file(self) -> list[str]:
        """Write what is in the late file, and clear it; the keys. One that cannot be read holds nobody up."""
        try:
            with self._late.held() as held:
                self._write_kept(held.entries)
                held.clear()
                return [entry.key for entry in held.entries]
        except OSError as error:
            _LOG.error("%s cannot be read: %s", self._late.path, error)
            return []

    def _write_kept(self, entries: Sequence[Entry]) -> None:
        for start in range(0, len(entries), MOST_TOGETHER):
            for outcome in self._events.write(entries[start : start + MOST_TOGETHER], WAIT_MS):
                if isinstance(outcome, AionError):
                    _LOG.warning("An event that was kept is left out: %s", outcome)
