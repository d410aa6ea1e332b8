"""Loads llama.cpp once for the process: its log goes to `logging`, its features can be asked for.

Every module of this room takes the C functions from here (`from aion.engine.library import lib`).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import re
from collections.abc import Callable, Iterator

import llama_cpp.llama_cpp as lib

__all__ = [
    "compute_devices",
    "features",
    "first_complaint",
    "has_amx",
    "last_complaint",
    "lib",
    "listening",
    "load",
    "version",
]

_ERROR = 4  # ggml_log_level
_LEVELS = {2: logging.DEBUG, 3: logging.WARNING, _ERROR: logging.ERROR}
_logger = logging.getLogger("aion.llama")
_complaints: list[str] = []
_listeners: list[Callable[[str], None]] = []


@lib.llama_log_callback  # type: ignore[untyped-decorator]
def _route_log(level: int, text: bytes, _user_data: ctypes.c_void_p) -> None:
    line = text.decode("utf-8", "replace").strip()
    if not line:
        return
    for listener in tuple(_listeners):
        listener(line)
    if level == _ERROR:
        _complaints[:] = [*_complaints[-7:], line]
    _logger.log(min(_LEVELS.get(level, logging.DEBUG), logging.INFO), line)


@functools.cache
def load() -> None:
    """Route the log and start the backend. Cheap after the first call; any thread."""
    lib.llama_log_set(_route_log, ctypes.c_void_p(0))
    lib.llama_backend_init()


@contextlib.contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """Hand every line llama.cpp logs to `listener` too, in the thread that logs it, whichever that is; it
    must be quick and must not raise."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def last_complaint() -> str:
    """The latest error line llama.cpp logged, without its function name; "" when none."""
    return _without_function(_complaints[-1]) if _complaints else ""


def first_complaint() -> str:
    """The error line that started the latest trouble: the most exact one; "" when none."""
    return _without_function(_complaints[0]) if _complaints else ""


def forget_complaints() -> None:
    """Start afresh, so that complaints speak of what follows."""
    _complaints.clear()


def _without_function(line: str) -> str:
    return re.sub(r"^\w+:\s*", "", line)


def version() -> str:
    """llama.cpp's own version."""
    return str(lib.llama_version().decode())


def features() -> dict[str, str]:
    """What llama.cpp was compiled with, e.g. {"AVX2": "1", "OPENMP": "1"}."""
    text = lib.llama_print_system_info().decode()
    return dict(re.findall(r"(\w+) = (\w+)", text))


def has_amx() -> bool:
    """Whether this build carries AMX kernels. Compiled by GCC 12 they die on their first instruction
    (the tile configuration is optimised away), so AION leaves them alone; `aion doctor` says so."""
    return features().get("AMX_INT8") == "1"


def compute_devices() -> bool:
    """Whether this build can place layers on a GPU."""
    return bool(lib.llama_supports_gpu_offload())
