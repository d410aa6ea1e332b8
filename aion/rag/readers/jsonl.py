"""Lines of JSON: a section a line, headed by its title where it has one."""

from __future__ import annotations

import json

from aion.errors import DocumentError
from aion.rag.readers.content import Content
from aion.rag.readers.encoding import text_of
from aion.rag.readers.record import section
from aion.types import Section


def read(data: bytes, name: str) -> Content:
    """A file of JSON lines; blank lines are skipped. Raises DocumentError, RecursionError."""
    lines = text_of(data, name).split("\n")
    sections = (_section(line, number, name) for number, line in enumerate(lines, 1) if line.strip())
    return Content(None, tuple(part for part in sections if part.text or part.headings))


def _section(line: str, number: int, name: str) -> Section:
    try:
        return section(json.loads(line), number)
    except ValueError as error:
        raise DocumentError(f"{name} has no JSON in line {number} ({error}); mend that line.") from error
