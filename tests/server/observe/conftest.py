from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aion.server.observe.log import configure_logging
from aion.settings import Settings
from tests.server.live import settings_in, wait_until

_CHANGED = ("", "aion", "aion.llama", "uvicorn", "uvicorn.error", "uvicorn.asgi", "uvicorn.access")


@dataclass
class Log:
    """What the process logged, a JSON object a line."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The lines of requests."""
        return [line for line in self.lines if line["logger"] == "aion.request"]

    def request(self, request_id: str) -> dict[str, Any]:
        """The one line of that request, which is written when its response is out."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.requests if line["id"] == request_id]

        wait_until(lambda: bool(found()), f"a line of the request {request_id}")
        (line,) = found()
        return line


def _configured(settings: Settings, log: Log) -> Iterator[Log]:
    loggers = [logging.getLogger(name) for name in _CHANGED]
    states = [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    hook = threading.excepthook
    configure_logging(settings, log.stream)
    yield log
    logging.captureWarnings(False)
    threading.excepthook = hook
    for logger, (level, propagates, handlers) in zip(loggers, states, strict=True):
        logger.setLevel(level)
        logger.propagate, logger.handlers = propagates, handlers


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """The log of this process as `AION_LOG=json` writes it."""
    yield from _configured(settings_in(tmp_path, log="json"), Log())


@pytest.fixture
def debug_log(tmp_path: Path) -> Iterator[Log]:
    """The same with AION_LOG_LEVEL=debug."""
    yield from _configured(settings_in(tmp_path, log="json", log_level="debug"), Log())
