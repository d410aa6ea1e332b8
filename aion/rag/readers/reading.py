"""One reading: a reader called, and whatever it raises on a damaged file said in one sentence."""

from __future__ import annotations

from aion.errors import DocumentError
from aion.rag.readers.content import Content, cleaned
from aion.rag.readers.registry import reader_of
from aion.types import Section

_MAX_REASON_CHARS = 120


def read_whole(module: str, data: bytes, name: str) -> Content:
    """What `module` reads in `data`. Raises DocumentError, for an empty document too, and MemoryError."""
    if not data:
        raise DocumentError(f"{name} is empty; add some text or leave it out.")
    try:
        content = cleaned(reader_of(module)(data, name))
    except (DocumentError, MemoryError):
        raise
    except RecursionError as error:
        raise DocumentError(f"{name} is nested too deep; save its text as .txt.") from error
    except Exception as error:  # parsers meet damaged files with any exception there is
        raise DocumentError(
            f"{name} is damaged or still being written ({_reason(error)}); open it in its own program and "
            "save it again."
        ) from error
    if not content.sections or not (content.title or any(map(_says_something, content.sections))):
        raise DocumentError(f"{name} has no text; add some or leave it out.")
    return content


def _says_something(section: Section) -> bool:
    return bool(section.text or section.headings)


def _reason(error: Exception) -> str:
    words = " ".join(str(error).split()).rstrip(".")
    short = words if len(words) <= _MAX_REASON_CHARS else words[:_MAX_REASON_CHARS] + "…"
    return f"{type(error).__name__}: {short}" if short else type(error).__name__
