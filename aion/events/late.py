"""Events that the database could not take, in a file beside it until it can.

The file has its room on the disk reserved while AION serves, so that it takes events when the disk is full.
Every use holds a lock on it: several processes may share it, and the erasure of a person's data finds it too.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from aion.store.event_rows import Entry, Judged, Line
from aion.types import Event, Passage

RESERVED_BYTES = 4 * 2**20  # some hundred answers with their passages
T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class LateFile:
    """One line an entry, JSON, then zeros to the end of what is reserved. Stateless; safe for threads and
    processes. Raises OSError as the system gives it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def reserve(self, n_bytes: int = RESERVED_BYTES) -> None:
        """Make room for so many bytes, where the file system can."""
        with self._locked() as descriptor:
            os.posix_fallocate(descriptor, 0, n_bytes)
            os.fsync(descriptor)

    def release(self) -> None:
        """Remove the file if nothing is in it."""
        if self.path.exists():
            with self._locked() as descriptor:
                if not _lines(descriptor):
                    self.path.unlink()

    @property
    def is_empty(self) -> bool:
        try:
            with self.path.open("rb") as file:
                return file.read(1) in (b"", b"\0")
        except OSError:  # that of a file which cannot be read is told when it is used
            return True

    def append(self, entry: Entry) -> None:
        """Put an entry behind the others; it is on disk when this returns, or not there at all."""
        line = _line(entry)
        with self._locked() as descriptor:
            end = sum(map(len, _lines(descriptor)))
            try:
                _write_at(descriptor, end, line)
                os.fsync(descriptor)
            except OSError:
                with contextlib.suppress(OSError):
                    _zero(descriptor, end)
                raise

    @contextlib.contextmanager
    def held(self) -> Iterator[HeldLate]:
        """The entries, while nobody else adds any."""
        if self.is_empty:
            yield HeldLate(-1, [])
            return
        with self._locked() as descriptor:
            yield HeldLate(descriptor, _lines(descriptor))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, made if it is not there; not one that was removed while this waited for its lock."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not _is_at(descriptor, self.path):
                    continue
                yield descriptor
                return
            finally:
                os.close(descriptor)


class HeldLate:
    """The entries of a late file whose lock is held."""

    def __init__(self, descriptor: int, lines: list[bytes]) -> None:
        self._descriptor = descriptor
        read = [(line, _entry(line)) for line in lines]
        self._lines = [line for line, entry in read if entry is not None]
        self.entries = [entry for _, entry in read if entry is not None]

    def keep(self, kept: Sequence[bool]) -> None:
        """Leave only these of the entries; of the others no byte stays in the file."""
        if self._descriptor < 0 or all(kept):
            return
        left = b"".join(line for line, stays in zip(self._lines, kept, strict=True) if stays)
        _write_at(self._descriptor, 0, left)
        _zero(self._descriptor, len(left))

    def clear(self) -> None:
        """Leave none."""
        self.keep([False] * len(self.entries))


def _line(entry: Entry) -> bytes:
    return json.dumps(asdict(entry), default=str).encode() + b"\n"


def _entry(line: bytes) -> Entry | None:
    """None for one that was not written to its end, which nobody was told of, or is damaged."""
    try:
        whole = json.loads(line)
        lines = tuple(_event_line(each) for each in whole["lines"])
        return _known(Entry, whole | {"lines": lines})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        _LOG.error("An event that was kept cannot be read and is left out: %s", error)
        return None


def _event_line(told: dict[str, Any]) -> Line:
    passages = (_known(Passage, each | {"stems": tuple(each["stems"])}) for each in told["passages"])
    judged = tuple(_known(Judged, each) for each in told["judged"])
    event = _known(Event, told["event"])
    return Line(event, tuple(passages), told["about"], told["subject"], told["refs"], judged)


def _known(kind: Callable[..., T], told: dict[str, Any]) -> T:
    """Of what another version of AION kept, the fields that this one has."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # all are dataclasses
    return kind(**{name: value for name, value in told.items() if name in names})


def _lines(descriptor: int) -> list[bytes]:
    """The lines that have an end, each with it."""
    data = bytearray()
    while piece := os.pread(descriptor, 2**20, len(data)):
        data += piece
        if b"\0" in piece:
            break
    written, _, _ = bytes(data).partition(b"\0")
    return [line for line in written.splitlines(keepends=True) if line.endswith(b"\n")]


def _write_at(descriptor: int, place: int, data: bytes) -> None:
    """All of `data`, which one call may not write on a disk that fills up."""
    while data:
        n_written = os.pwrite(descriptor, data, place)
        place, data = place + n_written, data[n_written:]


def _zero(descriptor: int, start: int) -> None:
    """Zeros from `start` to the end, so that nothing of what was there stays and the room remains."""
    _write_at(descriptor, start, bytes(os.fstat(descriptor).st_size - start))
    os.fsync(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
