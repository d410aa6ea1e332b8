"""What a watch knows of each file: in what state it was read, since when it has been still, why it failed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aion.rag.folder_scan import Signature

RETRY_FAILED_S = 3600.0  # a failure may have had another reason than the document


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file could not be stored, and by which clock it is tried again unchanged."""

    reason: str
    retry_at: float


class WatchedFiles:
    """Belongs to the thread of the watch; the counts and `failures` may be asked by any."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._read: dict[Path, Signature] = {}
        self._waiting: dict[Path, tuple[Signature, float]] = {}
        self._failures: dict[Path, Failure] = {}

    @property
    def n_stored(self) -> int:
        return len(self._read) - len(self._failures)

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """(path, reason), sorted by path."""
        failures = self._failures.copy()
        return tuple(sorted((str(path), failure.reason) for path, failure in failures.items()))

    def forget_but(self, present: Mapping[Path, Signature]) -> None:
        """Only these files are there any more."""
        for kept in (self._read, self._waiting, self._failures):
            for path in [path for path in kept if path not in present]:
                del kept[path]

    def settled(self, present: Mapping[Path, Signature]) -> list[Path]:
        """New and changed files that are no longer being written; the others wait.

        When a file is first seen, its own time of change tells whether it is still, for a whole folder would
        else have to wait; afterwards only this machine's clock does.
        """
        now, clock_ns = time.monotonic(), time.time_ns()
        ready = []
        for path, signature in present.items():
            if self._read.get(path) == signature and not self._is_retried(path, now):
                continue
            seen, since = self._waiting.get(path, (signature, now))
            is_old = path not in self._waiting and clock_ns - signature.changed_ns >= self._settle_s * 1e9
            if seen == signature and (is_old or now - since >= self._settle_s):
                self._waiting.pop(path, None)
                ready.append(path)
            else:
                self._waiting[path] = (signature, since if seen == signature else now)
        return ready

    def note(
        self, paths: Iterable[Path], present: Mapping[Path, Signature], failed: Mapping[Path, str]
    ) -> list[str]:
        """These files have been read in those states; returns the reasons that are new."""
        told = []
        for path in paths:
            self._read[path] = present[path]
            before = self._failures.pop(path, None)
            if (reason := failed.get(path)) is not None:
                self._failures[path] = Failure(reason, time.monotonic() + RETRY_FAILED_S)
                if before is None or before.reason != reason:
                    told.append(reason)
        return told

    def _is_retried(self, path: Path, now: float) -> bool:
        failure = self._failures.get(path)
        return failure is not None and now >= failure.retry_at
