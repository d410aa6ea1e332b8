"""Stops a computation of llama.cpp from another thread, at the next node of its graph."""

from __future__ import annotations

import ctypes
from typing import Any

from aion.engine.library import lib


class Interrupt:
    """A flag that llama.cpp looks at while it computes.

    It asks through a C callback `bool (*)(void *)` at every graph node; one in Python would take the
    interpreter's lock each time. libc's strlen is such a function: of "" it is 0, of "x" it is 1.
    """

    def __init__(self) -> None:
        self._flag = ctypes.create_string_buffer(2)
        strlen = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p).value
        assert strlen is not None
        self._ask = lib.ggml_abort_callback(strlen)

    def attach(self, context: Any) -> None:
        """Let `context` look at this flag; it must live as long as the context."""
        lib.llama_set_abort_callback(context, self._ask, ctypes.addressof(self._flag))

    def set(self) -> None:
        self._flag[0] = b"x"

    def clear(self) -> None:
        self._flag[0] = b"\0"

    @property
    def is_set(self) -> bool:
        return bool(self._flag[0] != b"\0")
