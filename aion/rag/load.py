"""Files to documents: finds them, names them, has them read, refuses what cannot be read.

The name of a document, its *source*, is what people see in `Fontes:`. A file in an ingested folder is
named from that folder on: `sintra/precos/adultos.md` for folder `.../sintra`. A file given by itself is
named with the folder it is in: `precos/adultos.md`. Which document it is, its *location* says: the
absolute path.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from aion.errors import DocumentError
from aion.rag.language import language_of
from aion.rag.readers.content import Content
from aion.rag.readers.reading import read_whole
from aion.rag.readers.registry import format_of, suffix_of
from aion.rag.readers.sandbox import Sandbox
from aion.types import LoadedDocument

MAX_FILE_BYTES = 50 * 1024**2
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MAX_PLAIN_BYTES = 2 * 1024**2  # a larger text is read in the sandbox, for its limits of time and memory


def load(
    path: Path, source: str | None = None, *, sandbox: Sandbox | None = None, max_bytes: int = MAX_FILE_BYTES
) -> LoadedDocument:
    """Read one file; `source` None names it by the rule above. Raises DocumentError."""
    data = read_bytes(path, max_bytes)
    return parse(path, data, source, sandbox=sandbox, location=location_of(path), modified=modified_day(path))


def read_bytes(path: Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The content of a file that is of a known kind and of a fair size. Raises DocumentError."""
    shown = printable(path)
    format_of(path, shown)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError(f"{shown} is a folder or a device; give the path of a file.")
        if status.st_size > max_bytes:
            raise _too_large(shown, status.st_size, max_bytes)
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)  # a file may grow while it is read
    except FileNotFoundError as error:
        raise DocumentError(f"{shown} does not exist; check the path.") from error
    except PermissionError as error:
        raise DocumentError(f"{shown} may not be read; give yourself permission (chmod u+r).") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise DocumentError(f"{shown} cannot be read ({error}); check the disk and the path.") from error
    if len(data) > max_bytes:
        raise _too_large(shown, len(data), max_bytes)
    return data


def parse(
    path: Path,
    data: bytes,
    source: str | None = None,
    *,
    sandbox: Sandbox | None = None,
    location: str = "",
    modified: str | None = None,
) -> LoadedDocument:
    """The document in `data`, the content of `path`, or of an upload of that name. Raises DocumentError.

    `sandbox` reads what is not plain text; without one, a child process is started for this document alone.
    `modified` is its date where the document itself has none.
    """
    content = _read(path, data, sandbox)
    return LoadedDocument(
        source=source or source_of(path),
        title=content.title or printable(path.stem),
        sections=content.sections,
        content_hash=hashlib.sha256(data).hexdigest(),
        n_bytes=len(data),
        location=location,
        language=language_of(content.title or "", content.sections),
        date=content.date or modified,
        tags=content.tags,
        note=content.note,
    )


def _read(path: Path, data: bytes, sandbox: Sandbox | None) -> Content:
    shown = printable(path)
    found = format_of(path, shown)
    if found.is_plain and len(data) <= MAX_PLAIN_BYTES:
        return read_whole(found.module, data, shown)
    if sandbox is not None:
        return sandbox.read(suffix_of(path), data, shown)
    with Sandbox(n_children=1) as alone:
        return alone.read(suffix_of(path), data, shown)


def source_of(path: Path, folder: Path | None = None) -> str:
    """The source of a file, in the ingested `folder` or given by itself."""
    path = Path(os.path.abspath(path))
    root = path.parent if folder is None else Path(os.path.abspath(folder))
    return printable(path.relative_to(root.parent).as_posix())


def location_of(path: Path) -> str:
    """Which document a file is: its absolute path, links in it as they are, bytes that are no UTF-8 as
    \\xNN, so that two names never become one."""
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")


def modified_day(path: Path) -> str | None:
    """The day a file was last changed, in UTC, as YYYY-MM-DD; None when it cannot be told."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    except (OSError, ValueError, OverflowError):
        return None


def walk(folder: Path, on_error: Callable[[OSError], None]) -> Iterator[Path]:
    """The files under a folder in sorted order; hidden ones, linked folders and the lock files of
    office programs left out."""
    for parent, folders, files in os.walk(folder, onerror=on_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith((".", "~$")))


def printable(path: Path | str) -> str:
    """A path as valid Unicode on one line: file names on disk may be in an old encoding, or hold line breaks
    and what commands a terminal."""
    return _CONTROLS.sub("\ufffd", os.fsencode(path).decode("utf-8", "replace"))


def _too_large(shown: str, n_bytes: int, max_bytes: int) -> DocumentError:
    return DocumentError(
        f"{shown} has {n_bytes:,} bytes and the limit is {max_bytes:,}; split it, or raise AION_MAX_FILE_MB."
    )
