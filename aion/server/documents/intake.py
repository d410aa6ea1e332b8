"""What was sent becomes documents: read, named, stored, one after the other, each whole or not at all.

Knows no HTTP; runs in threads that may take long. An upload that arrived whole is stored whole, even if who
sent it has gone.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from aion.errors import AionError, DocumentError, EngineBusy, InvalidRequest
from aion.fair_lock import FairLock
from aion.rag.ingest import Ingester
from aion.rag.load import MAX_PLAIN_BYTES, parse
from aion.rag.readers.sandbox import N_CHILDREN, Sandbox
from aion.server.documents.uploads import Upload
from aion.store.listing import Listing
from aion.types import LoadedDocument

MAX_WAITING = 8
_RETRY_AFTER_S = 5
_TITLE_CHARS = 80
_TEXT = Path("text.md")  # how a text that has no name is read


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one document; `error` says why it failed, `document` is its number when it did not, and
    `note` what of it was not read."""

    source: str
    status: Literal["added", "changed", "unchanged", "failed"]
    document: int | None = None
    n_chunks: int = 0
    error: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SentText:
    """A text sent by itself; what is None is taken from the text."""

    text: str
    title: str | None = None
    source: str | None = None
    date: str | None = None
    language: str | None = None


class Intake:
    """Stores for one service. `admitted` belongs to the event loop, the rest to any thread."""

    def __init__(
        self, ingester: Ingester, listing: Listing, turns: FairLock, sandbox: Sandbox, max_file_bytes: int
    ) -> None:
        self.max_file_bytes = max_file_bytes
        self._ingester = ingester
        self._listing = listing
        self._turns = turns
        self._sandbox = sandbox
        self._large = threading.Semaphore(N_CHILDREN)  # more would wait for a child with a file in memory
        self.n_admitted = 0

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """A place among those that send or wait. Raises EngineBusy when all are taken."""
        if self.n_admitted >= MAX_WAITING:
            raise EngineBusy(
                f"{MAX_WAITING} uploads are under way; try again in {_RETRY_AFTER_S} s.", _RETRY_AFTER_S
            )
        self.n_admitted += 1
        try:
            yield
        finally:
            self.n_admitted -= 1

    def store_files(self, tenant: str, uploads: Sequence[Upload], tags: tuple[str, ...]) -> list[Stored]:
        """Each file under its name as its source. What fails is told and the rest goes in."""
        seen: set[str] = set()
        stored = []
        for upload in uploads:
            stored.append(self._store_file(tenant, upload, tags, is_second=upload.name in seen))
            seen.add(upload.name)
        return stored

    def store_text(self, tenant: str, sent: SentText, tags: tuple[str, ...]) -> Stored:
        """A text, read as Markdown; without a source its words name it, so that it is never in twice. Raises
        StoreError, EngineFailed."""
        data = sent.text.encode("utf-8", "replace")
        source = sent.source or f"text/{hashlib.sha256(data).hexdigest()[:12]}"
        try:
            document = _tagged(_as_told(self._read(_TEXT, data, source), sent), tags)
            return self._store(tenant, document)
        except (DocumentError, InvalidRequest) as error:
            return Stored(source, "failed", error=error.message)

    def _store_file(self, tenant: str, upload: Upload, tags: tuple[str, ...], *, is_second: bool) -> Stored:
        try:
            self._refuse(upload, is_second)
            with self._large if upload.n_bytes > MAX_PLAIN_BYTES else contextlib.nullcontext():
                document = self._read(Path(upload.name), upload.file.read(), upload.name)
            return self._store(tenant, _tagged(document, tags))
        except AionError as error:
            return Stored(upload.name, "failed", error=error.message)

    def _read(self, path: Path, data: bytes, source: str) -> LoadedDocument:
        return parse(path, data, source, sandbox=self._sandbox)

    def _refuse(self, upload: Upload, is_second: bool) -> None:
        if not upload.name:
            raise DocumentError("A file was sent without a name; give it one with its suffix.")
        if is_second:
            raise DocumentError(f"{upload.name} is in this upload twice; give the second another name.")
        if upload.n_bytes > self.max_file_bytes:
            raise DocumentError(
                f"{upload.name} has {upload.n_bytes:,} bytes and the limit is {self.max_file_bytes:,}; "
                "split it, or raise AION_MAX_FILE_MB."
            )

    def _store(self, tenant: str, document: LoadedDocument) -> Stored:
        with self._turns:
            status = self._ingester.store(tenant, document)
            row = self._listing.find(tenant, document.source)
        if row is None:
            return Stored(document.source, "failed", error=f"{document.source} was deleted meanwhile.")
        return Stored(document.source, status, row.id, row.n_chunks, note=document.note)


def _as_told(document: LoadedDocument, sent: SentText) -> LoadedDocument:
    """With what the sender said of it. Where nobody gave it a title, its first line is one."""
    first = document.sections[0]
    titled = document.title if document.title != _TEXT.stem else (*first.headings, first.text.strip())[0]
    return replace(
        document,
        title=sent.title or titled.partition("\n")[0][:_TITLE_CHARS],
        date=sent.date or document.date,
        language=sent.language or document.language,
    )


def _tagged(document: LoadedDocument, tags: tuple[str, ...]) -> LoadedDocument:
    return replace(document, tags=tuple(dict.fromkeys((*document.tags, *tags))))
