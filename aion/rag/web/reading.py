"""A response to a document: which reader it is for, and what the document is called."""

from __future__ import annotations

import hashlib
import re
from email.utils import parsedate_to_datetime
from pathlib import Path

from aion.errors import DocumentError
from aion.rag.load import parse
from aion.rag.readers.content import day_of
from aion.rag.readers.encoding import decode, is_binary
from aion.rag.readers.registry import FORMATS, WEBPAGE, suffix_of
from aion.rag.readers.sandbox import Sandbox
from aion.rag.web.client import Response
from aion.rag.web.urls import shown
from aion.types import LoadedDocument

_SUFFIX_OF_TYPE = {
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "application/epub+zip": ".epub",
    "message/rfc822": ".eml",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.ms-word.document.macroenabled.12": ".docm",
    "application/vnd.ms-powerpoint.presentation.macroenabled.12": ".pptm",
    "application/vnd.ms-excel.sheet.macroenabled.12": ".xlsm",
}
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_UNTOLD = frozenset({"", "text/plain", "application/octet-stream", "binary/octet-stream"})
_HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_CHARSET_IN_PAGE = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_HEAD_BYTES = 4096


def kind_of(response: Response) -> str:
    """WEBPAGE, or the suffix whose reader it is for. Raises DocumentError when there is none."""
    told = response.header("content-type").partition(";")[0].strip().lower()
    if told in _PAGES:
        return WEBPAGE
    if told in _SUFFIX_OF_TYPE:
        return _SUFFIX_OF_TYPE[told]
    suffix = suffix_of(shown(response.url).partition("?")[0])
    if told not in _UNTOLD:
        raise DocumentError(f"{told[:80]} is nothing AION reads.")
    if suffix in FORMATS:
        return WEBPAGE if suffix in _HTML_SUFFIXES and told != "text/plain" else suffix
    if told == "text/plain":
        return ".txt"
    head = response.data[:1000].lstrip()
    if head.startswith(b"%PDF-"):
        return ".pdf"
    if not told and head.lower().startswith((b"<!doctype html", b"<html")):
        return WEBPAGE
    raise DocumentError("it does not say what it is (Content-Type).")


def text_of_page(response: Response) -> str:
    """The HTML of a page: valid UTF-8 is that whatever is told, else what is told. Raises DocumentError."""
    if is_binary(response.data):
        raise DocumentError("it is sent as HTML and is no text.")
    told = _CHARSET.search(response.header("content-type"))
    if told:
        charset = told[1]
    else:
        found = _CHARSET_IN_PAGE.search(response.data[:_HEAD_BYTES])
        charset = found[1].decode("ascii", "replace") if found else ""
    return decode(response.data, charset)


class PageReader:
    """Makes documents of responses; a sandbox, which is the caller's, reads what comes from strangers."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def read_page(self, url: str, text: str, n_bytes: int) -> LoadedDocument:
        """The document of a page of HTML. Its hash is that of what people read, so that a new advertisement
        or a new number in a script is no change. Raises DocumentError."""
        content = self._sandbox.read(WEBPAGE, text.encode("utf-8", "replace"), url)
        parts = [(part.headings, part.text) for part in content.sections]
        return LoadedDocument(
            source=shown(url),
            title=content.title or shown(url),
            sections=content.sections,
            content_hash=hashlib.sha256(repr((content.title, parts)).encode()).hexdigest(),
            n_bytes=n_bytes,
            location=url,
            date=content.date,
        )

    def read_file(self, response: Response, kind: str) -> LoadedDocument:
        """The document of any other file. Raises DocumentError."""
        name = shown(response.url).partition("?")[0].rpartition("/")[2]
        if suffix_of(name) != kind:
            name = (name or "document") + kind
        return parse(
            Path(name),
            response.data,
            shown(response.url),
            sandbox=self._sandbox,
            location=response.url,
            modified=_day(response.header("last-modified")),
        )


def _day(date: str) -> str | None:
    try:
        return day_of(parsedate_to_datetime(date).date().isoformat()) if date else None
    except (ValueError, OverflowError):
        return None
