"""E-mails: subject, people, the body as plain text or else HTML, attachments; those of text are read too."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import cast

from aion.errors import DocumentError
from aion.rag.readers.content import Content, one_line, split_tags
from aion.rag.readers.encoding import decode, is_binary
from aion.rag.readers.html import read_html
from aion.rag.readers.registry import FORMATS, reader_of, suffix_of
from aion.types import Section

_PEOPLE = ("From", "To", "Cc")
_MAX_ATTACHMENTS = 100


def read(data: bytes, name: str) -> Content:
    """An e-mail. Raises DocumentError."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    if not any(message.get(header) for header in ("From", "To", "Subject", "Date", "Message-ID")):
        raise DocumentError(f"{name} is no e-mail: it has no From, To, Subject or Date; save it anew.")
    subject = one_line(_header(message, "Subject"))
    body = _body(message)
    people = [f"{header}: {_header(message, header)}" for header in _PEOPLE if _header(message, header)]
    first = Section((), "\n".join(people), 1)
    attached = _attachments(message)
    names = ", ".join(file for file, _ in attached)
    last = (Section((), f"Attachments: {names}", 1),) if names else ()
    inner = tuple(part for _, parts in attached for part in parts)
    sections = tuple(part for part in (first, *body, *last, *inner) if part.text or part.headings)
    return Content(subject or None, sections, _day(message), split_tags(_header(message, "Keywords")))


def _header(message: EmailMessage, name: str) -> str:
    """A header in words; "" when there is none or it is beyond repair."""
    try:
        value = str(message.get(name) or "")
        return one_line(_as_sent(message, name) if "\ufffd" in value else value)
    except (ValueError, LookupError, TypeError, AttributeError, IndexError):
        return ""


def _as_sent(message: EmailMessage, name: str) -> str:
    """A header with letters beyond ASCII as they are, which old programs send though they must not."""
    sent = next(str(value) for key, value in message.raw_items() if key.lower() == name.lower())
    text = decode(sent.encode("utf-8", "surrogateescape")).replace("\n", "")
    return str(email.policy.default.header_factory(name, text))


def _day(message: EmailMessage) -> str | None:
    try:
        return parsedate_to_datetime(_header(message, "Date")).date().isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _body(message: EmailMessage) -> tuple[Section, ...]:
    """The plain text, or the HTML where that is empty."""
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    text = _text(cast("EmailMessage", plain)).strip() if plain is not None else ""
    if text or html is None:
        return (Section((), text, 1),)
    return read_html(_text(cast("EmailMessage", html))).sections


def _text(part: EmailMessage) -> str:
    """A part's text in the encoding it names, or the one it plainly has."""
    raw = part.get_payload(decode=True)
    return decode(raw, part.get_content_charset("") or "") if isinstance(raw, bytes) else ""


def _attachments(message: EmailMessage) -> list[tuple[str, tuple[Section, ...]]]:
    """The names of attached files, and the sections of those that are text, headed by the name."""
    found = []
    for part in _parts(message):
        file = one_line(part.get_filename() or "")
        if file:
            found.append((file, _sections(part, file)))
        if len(found) == _MAX_ATTACHMENTS:
            break
    return found


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    return (part for part in message.walk() if not part.is_multipart())


def _sections(part: EmailMessage, file: str) -> tuple[Section, ...]:
    found = FORMATS.get(suffix_of(file))
    raw = part.get_payload(decode=True)
    is_text = found is not None and (found.is_plain or suffix_of(file) in (".html", ".htm"))
    if found is None or not is_text or not isinstance(raw, bytes) or is_binary(raw):
        return ()
    try:
        parts = reader_of(found.module)(raw, file).sections
    except (DocumentError, ValueError):
        return ()
    return tuple(Section((file, *inner.headings), inner.text, inner.line) for inner in parts)
