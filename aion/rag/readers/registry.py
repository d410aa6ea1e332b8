"""The one list of what AION reads: which suffix is read by which module, and where.

A reader is a module of this package with one function, `read(data: bytes, name: str) -> Content`. It
raises DocumentError with a whole sentence that begins with `name`; whatever else it raises means that
the file is damaged. It is imported where it runs: in this process for text, in a child process (sandbox.py)
for formats whose parsers a file can lead astray.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from aion.errors import DocumentError
from aion.rag.readers.content import Content

Reader = Callable[[bytes, str], Content]

WEBPAGE = "webpage"
_HERE = "aion.rag.readers"


@dataclass(frozen=True, slots=True)
class Format:
    """How files of one suffix are read. `is_plain`: it is text, and its reader is trusted with it."""

    module: str
    is_plain: bool = False


def _plain(name: str) -> Format:
    return Format(f"{_HERE}.{name}", is_plain=True)


def _guarded(name: str) -> Format:
    return Format(f"{_HERE}.{name}")


FORMATS: dict[str, Format] = {
    ".md": _plain("markdown"),
    ".markdown": _plain("markdown"),
    ".txt": _plain("text"),
    ".html": _guarded("html"),
    ".htm": _guarded("html"),
    ".xhtml": _guarded("html"),
    ".pdf": _guarded("pdf"),
    ".docx": _guarded("docx"),
    ".docm": _guarded("docx"),
    ".odt": _guarded("odt"),
    ".pptx": _guarded("pptx"),
    ".pptm": _guarded("pptx"),
    ".xlsx": _guarded("xlsx"),
    ".xlsm": _guarded("xlsx"),
    ".csv": _plain("csv"),
    ".tsv": _plain("csv"),
    ".json": _plain("json"),
    ".jsonl": _plain("jsonl"),
    ".ndjson": _plain("jsonl"),
    ".epub": _guarded("epub"),
    ".eml": _guarded("eml"),
}
KINDS: dict[str, Format] = {**FORMATS, WEBPAGE: _guarded("webpage")}
"""What a sandbox reads: files by their suffixes, and pages of the web."""

REMEDIES: dict[str, str] = {
    ".doc": "an old Word file; save it as .docx",
    ".dot": "an old Word file; save it as .docx",
    ".xls": "an old Excel file; save it as .xlsx",
    ".ppt": "an old PowerPoint file; save it as .pptx",
    ".rtf": "rich text; save it as .docx or .odt",
    ".ods": "an OpenDocument sheet; save it as .xlsx or .csv",
    ".odp": "an OpenDocument presentation; save it as .pptx or .pdf",
    ".xlsb": "a binary Excel file; save it as .xlsx",
    ".pages": "a Pages file; export it as .docx or .pdf",
    ".numbers": "a Numbers file; export it as .xlsx",
    ".key": "a Keynote file; export it as .pptx or .pdf",
    ".msg": "an Outlook message; save it as .eml",
    ".mobi": "a Kindle book; convert it to .epub",
    ".azw3": "a Kindle book; convert it to .epub",
    ".zip": "an archive; unpack it and give the folder",
}


def is_read(name: str | PurePath) -> bool:
    """Whether AION reads files of this name's suffix."""
    return suffix_of(name) in FORMATS


def format_of(name: str | PurePath, shown: str) -> Format:
    """How a file of this name is read; `shown` is what messages call it. Raises DocumentError."""
    suffix = suffix_of(name)
    if suffix in FORMATS:
        return FORMATS[suffix]
    if suffix in REMEDIES:
        raise DocumentError(f"{shown} is {REMEDIES[suffix]}.")
    raise DocumentError(f"{shown} is of an unknown kind; AION reads {', '.join(FORMATS)}.")


def suffix_of(name: str | PurePath) -> str:
    return PurePath(name).suffix.lower()


def reader_of(module: str) -> Reader:
    """The `read` of a reader's module, imported now."""
    reader: Reader = importlib.import_module(module).read
    return reader
