"""Lines of the log as machines and people read them."""

from __future__ import annotations

import errno
import io
import json
import logging
import sys
import threading
import warnings
from pathlib import Path

import pytest

from aion.server.observe.log import configure_logging
from aion.server.observe.log_lines import FIELDS, JsonLines, TextLines, safe
from tests.server.live import settings_in
from tests.server.observe.conftest import Log

_LOG = logging.getLogger("aion.test")
FIELDS_OF_A_REQUEST = {"method": "POST", "route": "/generate", "status": 500, "ms": 12.3, "key": "ana\n"}


def _record(message: str, **extra: object) -> logging.LogRecord:
    return _LOG.makeRecord(_LOG.name, logging.WARNING, "", 0, message, (), None, extra=extra)


def test_a_line_break_cannot_begin_a_line() -> None:
    forged = '\n{"level": "info"}\r\x1b[2J\u2028\x9b31m\u202e'
    assert len(JsonLines().format(_record(forged)).splitlines()) == 1
    line = TextLines().format(_record(forged))
    assert len(line.splitlines()) == 1
    assert not {"\x1b", "\r", "\x9b", "\u202e"} & set(line)


def test_a_request_stands_in_columns() -> None:
    line = TextLines().format(_record("", **{FIELDS: FIELDS_OF_A_REQUEST}))
    assert line[9:].startswith("500      12.3 ms POST   /generate ")
    assert "key=ana\\n" in line
    assert "\x1b[31m500" in TextLines(is_coloured=True).format(_record("", **{FIELDS: FIELDS_OF_A_REQUEST}))


def test_a_traceback_is_one_field_and_cannot_forge_a_line() -> None:
    try:
        raise ValueError("a\n04:00:00 200 forged " + "x" * 1000)
    except ValueError:
        record = _record("It failed.")
        record.exc_info = sys.exc_info()
    told = json.loads(JsonLines().format(record))
    assert told["exception"].startswith("Traceback")
    assert max(map(len, told["exception"].splitlines())) < 350
    first, *others = TextLines().format(record).splitlines()
    assert "It failed." in first
    assert others
    assert all(line.startswith("    ") for line in others)
    assert "x" * 1000 in JsonLines(keeps_texts=True).format(record)


def test_half_a_character_does_not_stop_a_line() -> None:
    assert json.loads(JsonLines().format(_record("\ud800 Évora")))["message"] == "\ud800 Évora"
    assert JsonLines().format(_record("Évora")).isascii()
    assert safe("Évora ✓") == "Évora ✓"


def test_all_that_is_logged_goes_one_way(log: Log) -> None:
    logging.getLogger("uvicorn.error").error("Invalid HTTP request received.")
    logging.getLogger("uvicorn.access").warning("a second line a request")
    logging.getLogger("httpx").info("a line a call")
    logging.getLogger("aion.llama").info("one of thousands")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("something is old", UserWarning, stacklevel=1)
    thread = threading.Thread(target=lambda: {"kept": 1}["lost"], name="worker")
    thread.start()
    thread.join()
    told = [(line["logger"], line["level"]) for line in log.lines]
    assert told == [
        ("uvicorn.error", "error"),
        ("py.warnings", "warning"),
        ("aion.server.observe.log", "error"),
    ]
    assert "worker" in log.lines[-1]["message"]
    assert log.lines[-1]["exception"].endswith("KeyError: 'lost'")


def test_configuring_again_does_not_double_lines(log: Log, tmp_path: Path) -> None:
    configure_logging(settings_in(tmp_path, log="json"), log.stream)
    _LOG.warning("once")
    assert len(log.lines) == 1


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("setting", "stream", "is_json"),
    [
        ("auto", io.StringIO(), True),
        ("auto", _Terminal(), False),
        ("json", _Terminal(), True),
        ("text", io.StringIO(), False),
    ],
)
@pytest.mark.usefixtures("log")
def test_a_terminal_gets_text(setting: str, stream: io.StringIO, is_json: bool, tmp_path: Path) -> None:
    configure_logging(settings_in(tmp_path, log=setting), stream)
    _LOG.warning("said")
    assert stream.getvalue().startswith("{") == is_json
    assert ("\x1b[" in stream.getvalue()) == (stream.isatty() and not is_json)


@pytest.mark.usefixtures("log")
def test_a_line_that_a_full_disk_does_not_take_leaves_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    configure_logging(settings_in(tmp_path), Full())
    _LOG.warning("lost")
    assert capsys.readouterr().err == ""
