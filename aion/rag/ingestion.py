"""One ingestion, from the scan of its paths to the last document removed.

What is parsed in child processes is waited for in threads, ahead of its turn; plain text is read when its
turn comes, for threads that share one interpreter would only get into each other's way.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from threading import Event

from aion.errors import DocumentError, EngineFailed, InvalidRequest
from aion.rag.batch import MOST_S, Batch
from aion.rag.draft import Draft, Drafting
from aion.rag.load import MAX_PLAIN_BYTES, modified_day, parse, printable, read_bytes
from aion.rag.readers.registry import FORMATS, suffix_of
from aion.rag.readers.sandbox import Sandbox
from aion.rag.roots import Found, Root, Scan, has_gone, is_missing
from aion.rag.summary import Summary
from aion.store.documents import Documents, Known
from aion.types import Embedder

READERS = 2  # as many as the sandbox has children
READ_AHEAD = 4  # documents held in memory before their turn
REMOVED_TOGETHER = 50  # documents of one transaction

Progress = Callable[[int, int, str], None]
"""Called as (files done, files in all, source) before each file, again while much is embedded, and with ""
after the last. What it raises ends the ingestion; what is in stays."""

Reading = Future[Draft | Known]


@dataclass(frozen=True, slots=True)
class Parts:
    """What an ingestion works with; the sandbox is None where each document may start a child process."""

    documents: Documents
    embedder: Embedder | None
    drafting: Drafting
    sandbox: Sandbox | None
    max_bytes: int

    @property
    def embedder_name(self) -> str | None:
        return self.embedder.name if self.embedder else None


class _Stopped(Exception):
    """A reading was given up."""


class Ingestion:
    """Stores what a scan found, then removes what is gone. Belongs to the thread that made it."""

    def __init__(
        self,
        parts: Parts,
        tenant: str,
        tags: tuple[str, ...],
        found: Scan,
        summary: Summary,
        progress: Progress,
        *,
        is_pruning: bool,
        leaves_stale: bool,
    ) -> None:
        self._parts = parts
        self._documents = parts.documents
        self._tenant = tenant
        self._tags = tags
        self._scan = found
        self._summary = summary
        self._progress = progress
        self._is_pruning = is_pruning
        self._embedder_name = None if leaves_stale else parts.embedder_name
        self._at = (0, len(found.files), "")
        self._batch = Batch(parts.documents, parts.embedder, tenant, summary, lambda: progress(*self._at))
        self._known = {known.location: known for root in found.roots for known in self._under(root)}
        self._unchanged: list[int] = []
        self._stopping = Event()
        summary.ignored += found.ignored.total()
        summary.ignored_kinds.update(found.ignored)
        summary.failed += found.failed

    def store_files(self) -> None:
        """Read and store every file; what waits is stored too when the caller is interrupted in between."""
        try:
            with closing(self._read_ahead()) as files:
                for n_done, (found, reading) in enumerate(files):
                    self._at = (n_done, len(self._scan.files), found.source)
                    self._progress(*self._at)
                    self._take(found, reading)
        except (KeyboardInterrupt, SystemExit):
            if not self._batch.is_busy:
                self._batch.flush()
            raise
        self._batch.flush()
        if self._tags and self._unchanged:
            self._documents.add_tags(self._tenant, self._unchanged, self._tags)
        self._progress(len(self._scan.files), len(self._scan.files), "")

    def remove_gone(self) -> None:
        """Remove the documents of each root whose files are gone, where that is asked and certain. Last, so
        that the same words in a new file take over what was computed for them."""
        if not self._is_pruning:
            return
        found = {file.location for file in self._scan.files if not is_missing(file.path)}
        for root in self._scan.roots:
            gone = [known for known in self._under(root) if known.location not in found]
            self._remove(root, [known.id for known in gone if root.is_gone(known.location)])

    def _remove(self, root: Root, gone: list[int]) -> None:
        if not gone:
            return
        if root.doubt:
            self._summary.failed.append((root.location, root.doubt))
            return
        for start in range(0, len(gone), REMOVED_TOGETHER):
            some = gone[start : start + REMOVED_TOGETHER]
            self._summary.removed += self._documents.delete_all(self._tenant, some)
            self._progress(len(self._scan.files), len(self._scan.files), "")

    def _under(self, root: Root) -> tuple[Known, ...]:
        return self._documents.known(self._tenant, root.location, self._embedder_name)

    def _read_ahead(self) -> Generator[tuple[Found, Reading | None], None, None]:
        """Each file in order; with its reading where that is under way already."""
        pool = ThreadPoolExecutor(READERS, "aion-read")
        try:
            ahead: deque[tuple[Found, Reading | None]] = deque()
            for found in self._files():
                ahead.append((found, None if _is_quick(found) else pool.submit(self._read, found)))
                if len(ahead) > READ_AHEAD:
                    yield ahead.popleft()
            yield from ahead
        finally:
            self._stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _files(self) -> Iterator[Found]:
        """What is to be read: not a path that is only named to have what it held pruned."""
        gone = {root.location for root in self._scan.roots if not root.is_there and self._under(root)}
        return (file for file in self._scan.files if not (self._is_pruning and file.location in gone))

    def _take(self, found: Found, reading: Reading | None) -> None:
        """One file's turn."""
        try:
            read = self._read(found) if reading is None else self._awaited(reading)
        except (DocumentError, EngineFailed, InvalidRequest) as error:
            self._summary.failed.append((found.source, error.message))
            return
        if isinstance(read, Known):
            self._summary.unchanged += 1
            self._unchanged.append(read.id)
        else:
            self._batch.add(read)

    def _awaited(self, reading: Reading) -> Draft | Known:
        """What comes of it; those who wait to be stored do not wait for a slow one."""
        while not wait([reading], MOST_S).done:
            self._batch.flush()
            self._progress(*self._at)
        return reading.result()

    def _read(self, found: Found) -> Draft | Known:
        """A file as a draft, or what is known of it when that is all there is to it. In any thread."""
        if is_missing(found.path):
            raise DocumentError(f"{printable(found.path)} does not exist; check the path.")
        data = read_bytes(found.path, self._parts.max_bytes)
        stored_hash = self._parts.drafting.stored_hash(hashlib.sha256(data).hexdigest())
        known = self._known.get(found.location) or self._moved(found, stored_hash)
        if known is not None and known.content_hash == stored_hash and not known.is_stale:
            return known
        document = parse(
            found.path,
            data,
            found.source,
            sandbox=self._parts.sandbox,
            location=found.location,
            modified=modified_day(found.path),
        )
        return self._parts.drafting.draft(document, tags=self._tags, tick=self._go_on)

    def _go_on(self) -> None:
        """Raises when nobody waits for the reading any more, so that its thread ends."""
        if self._stopping.is_set():
            raise _Stopped

    def _moved(self, found: Found, stored_hash: str) -> Known | None:
        """The document that was at another place under this name: its file is gone, and its content is here
        or what is gone is to be removed anyway."""
        known = self._documents.known_by_source(self._tenant, found.source, self._embedder_name)
        if known is None or not has_gone(known.location):
            return None
        if not self._is_pruning and known.content_hash != stored_hash:
            return None
        if not self._documents.relocate(self._tenant, known.id, found.location):
            return None
        return replace(known, location=found.location)


def _is_quick(found: Found) -> bool:
    """Whether a file is read in this process: plain text of a fair size."""
    try:
        return FORMATS[suffix_of(found.path)].is_plain and found.path.stat().st_size <= MAX_PLAIN_BYTES
    except (KeyError, OSError, ValueError):
        return True  # refused at once
