"""Files to documents: finds them, names them, picks the reader, refuses what cannot be read.

The name of a document, its *source*, is its identity in the store and what people see in `Fontes:`.
A file in an ingested folder is named from that folder on: `sintra/precos/adultos.md` for folder
`.../sintra`. A file given by itself is named with the folder it is in: `precos/adultos.md`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from aion.errors import DocumentError
from aion.rag.encoding import decode, is_binary
from aion.rag.read_html import read_html
from aion.rag.read_markdown import read_markdown
from aion.rag.read_text import read_text
from aion.types import LoadedDocument, Section

Reader = Callable[[str], tuple[str | None, tuple[Section, ...]]]

READERS: dict[str, Reader] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_text,
    ".html": read_html,
    ".htm": read_html,
}
MAX_FILE_BYTES = 20 * 1024 * 1024


def load(path: Path, source: str | None = None) -> LoadedDocument:
    """Read one file; `source` None names it by the rule above. Raises DocumentError."""
    return parse(path, read_bytes(path), source)


def read_bytes(path: Path) -> bytes:
    """The content of a file that is of a known kind and of a fair size. Raises DocumentError."""
    shown = printable(path)
    if path.suffix.lower() not in READERS:
        raise DocumentError(f"{shown} is of an unknown kind; AION reads {', '.join(READERS)}.")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError(f"{shown} is a folder or a device; give the path of a file.")
        if status.st_size > MAX_FILE_BYTES:
            raise DocumentError(
                f"{shown} has {status.st_size:,} bytes and the limit is {MAX_FILE_BYTES:,}; split it."
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DocumentError(f"{shown} does not exist; check the path.") from error
    except PermissionError as error:
        raise DocumentError(f"{shown} may not be read; give yourself permission (chmod u+r).") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise DocumentError(f"{shown} cannot be read ({error}); check the disk and the path.") from error


def parse(path: Path, data: bytes, source: str | None = None) -> LoadedDocument:
    """The document in `data`, the content of `path`. Raises DocumentError."""
    shown = printable(path)
    if is_binary(data):
        raise DocumentError(f"{shown} is not text although it is named {path.suffix}; save it as text.")
    try:
        title, sections = READERS[path.suffix.lower()](decode(data))
    except RecursionError as error:
        raise DocumentError(f"{shown} has tags nested too deep; save its text as .txt.") from error
    if not sections:
        raise DocumentError(f"{shown} has no text; add some or leave it out.")
    return LoadedDocument(
        source=source or source_of(path),
        title=title or printable(path.stem),
        sections=sections,
        content_hash=hashlib.sha256(data).hexdigest(),
        n_bytes=len(data),
    )


def source_of(path: Path, folder: Path | None = None) -> str:
    """The source of a file, in the ingested `folder` or given by itself."""
    path = Path(os.path.abspath(path))
    root = path.parent if folder is None else Path(os.path.abspath(folder))
    return printable(path.relative_to(root.parent).as_posix())


def walk(folder: Path, on_error: Callable[[OSError], None]) -> Iterator[Path]:
    """The files under a folder in sorted order, hidden ones and linked folders left out."""
    for parent, folders, files in os.walk(folder, onerror=on_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def printable(path: Path | str) -> str:
    """A path as valid Unicode: file names on disk may be in an old encoding."""
    return os.fsencode(path).decode("utf-8", "replace")
