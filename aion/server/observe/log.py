"""Where the log of the process goes and how its lines look, set up once by `aion serve`."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TextIO

from aion.server.observe.log_lines import JsonLines, TextLines
from aion.settings import Settings

_UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.asgi", "uvicorn.access")
_logger = logging.getLogger(__name__)


class _Handler(logging.StreamHandler[TextIO]):
    """AION's own, so that setting up again replaces it and no other."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name it overrides
        """A line that a full disk or a reader that went away did not take is lost; a traceback about it would
        come out between other lines later."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def configure_logging(settings: Settings, stream: TextIO) -> None:
    """Send every record of the process to `stream`: AION's from AION_LOG_LEVEL on, those of others from
    warnings on. JSON with AION_LOG=json, or by itself where `stream` is no terminal. May be called again.

    uvicorn must be told `log_config=None, access_log=False`, or it sets up lines of its own again.
    """
    handler = _Handler(stream)
    if writes_json(settings, stream):
        handler.setFormatter(JsonLines(keeps_texts=settings.log_texts))
    else:
        handler.setFormatter(TextLines(is_coloured=stream.isatty(), keeps_texts=settings.log_texts))
    root = logging.getLogger()
    for former in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    _set_levels(settings)
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed


def writes_json(settings: Settings, stream: TextIO) -> bool:
    """Whether each line there is a JSON object."""
    return settings.log == "json" or (settings.log == "auto" and not stream.isatty())


def _set_levels(settings: Settings) -> None:
    level = settings.log_level.upper()
    logging.getLogger("aion").setLevel(level)
    of_llama = level if level == "DEBUG" else logging.WARNING  # thousands of lines
    logging.getLogger("aion.llama").setLevel(of_llama)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # its warnings are for who sent a form
    for name in _UVICORN:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # a request has its line already


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "that is gone"
    if args.exc_value is not None and args.exc_type is not SystemExit:
        _logger.error("The thread %s failed.", name, exc_info=args.exc_value)
