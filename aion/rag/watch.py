"""A folder kept ingested: what is added, changed or deleted in it is so in the store soon after.

The file system's notices only wake it; what happened it learns by looking, so that a notice that was lost
costs a minute and not a document. Stores nothing itself (shelf.py).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import watchfiles

from aion.errors import AionError
from aion.rag.folder_scan import Identity, Scan, identity, scan, whereabouts
from aion.rag.load import location_of
from aion.rag.shelf import Shelf
from aion.rag.watched_files import WatchedFiles

RESCAN_S = 60.0  # network shares and some containers give no notice of changes
RETRY_S = 5.0
TOGETHER = 64  # files taken in before they are noted as such
_SCANS_SHARE = 20  # a look is taken again after so many times what the last one took
_FEW = 10  # so many documents may be gone at the first look; more only when others are left

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WatchStatus:
    """`problem` says what keeps the folder from being kept, "" when nothing does; `last_pass` is UTC, ISO
    8601; `failures` are (path, reason)."""

    folder: str
    n_documents: int
    n_waiting: int
    last_pass: str | None
    problem: str
    failures: tuple[tuple[str, str], ...]


class Watch:
    """Watches one folder in a thread of its own, from `start` to `close`. Any thread may ask for `status`."""

    def __init__(
        self, shelf: Shelf, *, settle_s: float = 1.0, tick_s: float = 1.0, rescan_s: float = RESCAN_S
    ) -> None:
        """A file is read when it has not changed, and forgotten when it has been gone, for `settle_s`; that
        is looked at every `tick_s`."""
        self._folder = shelf.folder
        self._shelf = shelf
        self._settle_s = settle_s
        self._tick_s = tick_s
        self._rescan_s = rescan_s
        self._files = WatchedFiles(settle_s)
        self._seen: dict[str, Identity] = {}
        self._gone_since: dict[str, float] = {}
        self._content: str | None = None
        self._soonest = self._latest = 0.0
        self._is_touched = self._is_trusted = False
        self._last_pass: datetime | None = None
        self._problem = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aion-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout_s: float = 10.0) -> None:
        """End after the document that is being read; safe when it was never started."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def status(self) -> WatchStatus:
        last_pass = self._last_pass.isoformat(timespec="seconds") if self._last_pass else None
        files = self._files
        return WatchStatus(
            str(self._folder), files.n_stored, files.n_waiting, last_pass, self._problem, files.failures
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._watch(identity(self._folder))
            except _Stopped:
                return
            except AionError as error:
                self._say(error.message)
                self._stop.wait(RETRY_S)
            except Exception:
                _logger.exception("The watch of %s failed and begins again.", self._folder)
                self._stop.wait(RETRY_S)

    def _watch(self, watched: Identity | None) -> None:
        """Keep the folder until it is another one, or gone; one that is not there is waited for."""
        if watched is None:
            self._say(f"There is no folder {self._folder}; its documents stay as they are until there is.")
            self._stop.wait(min(RETRY_S, self._tick_s))
            return
        self._soonest = self._latest = 0.0
        self._seen, self._is_trusted = {}, False
        if (
            content := self._shelf.generation()
        ) != self._content:  # a restore: files are to be taken in again
            self._files, self._gone_since, self._content = WatchedFiles(self._settle_s), {}, content
        for is_touched in self._ticks():
            if self._stop.is_set() or identity(self._folder) != watched:
                return
            if self._shelf.generation() != self._content:
                return
            self._is_touched |= is_touched
            now = time.monotonic()
            if now >= self._latest or (now >= self._soonest and self._is_due):
                self._pass()

    @property
    def _is_due(self) -> bool:
        """Whether something has happened that a look has not settled."""
        return self._is_touched or self._files.n_waiting > 0 or len(self._gone_since) > 0

    def _ticks(self) -> Iterator[bool]:
        """Every `tick_s`, or sooner when something was touched; whether it was."""
        tick_ms = max(1, int(self._tick_s * 1000))
        try:
            for changes in watchfiles.watch(
                self._folder, watch_filter=None, debounce=tick_ms, step=min(100, tick_ms),
                rust_timeout=tick_ms, stop_event=self._stop, yield_on_timeout=True, raise_interrupt=False,
                ignore_permission_denied=True,
            ):  # fmt: skip
                yield bool(changes)
        except (OSError, RuntimeError) as error:  # no notices to be had, or no more of them
            _logger.warning(
                "%s gives no notice of changes (%s); AION looks every %g s.",
                self._folder,
                error,
                self._rescan_s,
            )
        while not self._stop.wait(self._tick_s):
            yield False

    def _pass(self) -> None:
        """Look, take in what has settled, forget what is gone."""
        self._is_touched = False
        started = time.monotonic()
        found = scan(self._folder)
        now = time.monotonic()
        self._soonest = now + _SCANS_SHARE * (now - started)
        self._latest = max(self._soonest, now + self._rescan_s)
        self._files.forget_but(found.files)
        ready = self._files.settled(found.files)
        for start in range(0, len(ready), TOGETHER):
            some = ready[start : start + TOGETHER]
            failed = self._shelf.take_in(some, self._tick)
            for reason in self._files.note(some, found.files, failed):
                _logger.warning("%s", reason)
        self._prune(found)
        self._seen |= found.folders
        self._last_pass = datetime.now(UTC)

    def _tick(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _prune(self, found: Scan) -> None:
        """Forget the documents whose files are certainly gone."""
        present = {location_of(path) for path in found.files}
        stored = self._shelf.stored()
        states = {
            place: whereabouts(place, self._folder, self._seen) for place in stored if place not in present
        }
        gone = [place for place, state in states.items() if state == "gone"]
        n_unknown = sum(state == "unknown" for state in states.values())
        if not self._is_trusted and len(gone) > max(_FEW, len(present)):
            self._say(
                f"{len(gone)} documents of {self._folder} are gone since it was last looked at, more than "
                "are left, so none is deleted; if that is meant, run `aion ingest --prune` on it."
            )
            return
        self._is_trusted = True
        now = time.monotonic()  # some programs save a file by deleting it and writing it anew
        since = {place: self._gone_since.get(place, now) for place in gone}
        self._gone_since = {place: at for place, at in since.items() if now - at < self._settle_s}
        if certain := [stored[place] for place in gone if place not in self._gone_since]:
            self._shelf.forget(certain, self._tick)
        self._say(
            f"{n_unknown} documents of {self._folder} stay although their files are not to be seen: they may "
            "not be looked for, or their folder is empty, as one whose disk is not mounted; "
            "`aion documents delete` removes them."
            if n_unknown
            else ""
        )

    def _say(self, problem: str) -> None:
        """To /health, and once to the log."""
        if problem and problem != self._problem:
            _logger.warning("%s", problem)
        self._problem = problem


class _Stopped(Exception):
    """The watch is being closed."""
