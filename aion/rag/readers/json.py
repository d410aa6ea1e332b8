"""JSON as words: keys with their values, a section a record where the document is a list of records."""

from __future__ import annotations

import json

from aion.errors import DocumentError
from aion.rag.readers.content import Content
from aion.rag.readers.encoding import text_of
from aion.rag.readers.record import described, section
from aion.types import Section


def read(data: bytes, name: str) -> Content:
    """A JSON file. Raises DocumentError, RecursionError when it is nested too deep."""
    text = text_of(data, name)
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise DocumentError(f"{name} is no JSON ({error}); mend it, or save it as .txt.") from error
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return Content(None, tuple(section(item, number) for number, item in enumerate(value, 1)))
    if isinstance(value, dict):
        title = value.get("title")
        return Content(title if isinstance(title, str) else None, (section(value, 1),))
    words = described(value)
    return Content(None, (Section((), words, 1),) if words else ())
