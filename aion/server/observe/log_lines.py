"""A log record as one line: JSON for machines, aligned and coloured for people.

Whatever a client put into a path, a header or an error cannot begin a line of its own or steer a terminal.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aion.server.observe.request_record import REQUEST_ID

FIELDS = "aion_fields"  # the attribute of a log record that holds more than its message

_MOST_CHARS = 300  # of a line of a traceback: its last one may quote what somebody wrote
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_DIM, _RED, _YELLOW, _GREEN, _CYAN = "2", "31", "33", "32", "36"
_LEVEL_COLOURS = {logging.DEBUG: _DIM, logging.WARNING: _YELLOW, logging.ERROR: _RED, logging.CRITICAL: _RED}
_STATUS_COLOURS = {2: _GREEN, 3: _CYAN, 4: _YELLOW, 5: _RED}


class JsonLines(logging.Formatter):
    """A JSON object a line, in ASCII, so that no encoding of a stream can spoil it. `keeps_texts` leaves the
    words of exceptions whole."""

    def __init__(self, *, keeps_texts: bool = False) -> None:
        super().__init__()
        self._keeps_texts = keeps_texts

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": _moment(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if request_id := REQUEST_ID.get():
            told["id"] = request_id
        told |= _fields(record)
        if trace := _trace(self, record, self._keeps_texts):
            told["exception"] = trace
        return json.dumps(told, default=str)


class TextLines(logging.Formatter):
    """A line for a terminal; those of requests stand in columns, a traceback follows, indented."""

    def __init__(self, *, is_coloured: bool = False, keeps_texts: bool = False) -> None:
        super().__init__()
        self._is_coloured = is_coloured
        self._keeps_texts = keeps_texts

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        line = f"{self._in(_DIM, f'{_moment(record).astimezone():%H:%M:%S}')} "
        line += self._request(fields) if "status" in fields else self._message(record)
        trace = _trace(self, record, self._keeps_texts)
        return "\n    ".join([line, *(safe(each) for each in trace.splitlines())])

    def _message(self, record: logging.LogRecord) -> str:
        level = self._in(_LEVEL_COLOURS.get(record.levelno, ""), f"{record.levelname.lower():7}")
        request_id = f" {self._in(_DIM, f'id={REQUEST_ID.get()}')}" if REQUEST_ID.get() else ""
        return f"{level} {safe(record.getMessage().strip())} {self._in(_DIM, record.name)}{request_id}"

    def _request(self, fields: Mapping[str, Any]) -> str:
        told = dict(fields)
        status = int(told.pop("status"))
        shown = self._in(_STATUS_COLOURS.get(status // 100, ""), str(status))
        ms, method, route = told.pop("ms"), safe(str(told.pop("method"))), safe(str(told.pop("route")))
        rest = " ".join(f"{name}={safe(str(value))}" for name, value in told.items())
        request_id = f"id={safe(REQUEST_ID.get())}"
        return f"{shown} {ms:>9,.1f} ms {method:6} {route:24} {self._in(_DIM, f'{rest} {request_id}')}"

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_coloured and colour else text


def safe(text: str) -> str:
    """`text` with its control characters, and those that turn a line's direction, written out."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _moment(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = getattr(record, FIELDS, {})
    return fields


def _trace(formatter: logging.Formatter, record: logging.LogRecord, keeps_texts: bool) -> str:
    """The traceback, "" without one."""
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    trace = "\n".join(parts)
    return trace if keeps_texts else "\n".join(map(_shortened, trace.splitlines()))


def _shortened(line: str) -> str:
    return line if len(line) <= _MOST_CHARS else f"{line[:_MOST_CHARS]} ..."
