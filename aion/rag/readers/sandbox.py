"""Child processes that read documents for this one: how many, and what one may take of time and memory.

Knows no format; worker.py is the other side. A parser that hangs, crashes or eats memory costs its own
document one sentence, and the next document is read by a fresh process.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from aion.errors import DocumentError
from aion.rag.readers.child import Child, ChildGone, ChildLeft, TimeIsUp
from aion.rag.readers.content import Content, from_json
from aion.rag.readers.registry import KINDS, Format

MEMORY_MB = 1024
N_CHILDREN = 2


class Sandbox:
    """Reads documents in child processes, each started when first needed and kept. Thread-safe.

    As many documents as there are children are read at once; others wait their turn.
    """

    def __init__(
        self,
        timeout_s: float = 60.0,
        memory_mb: int = MEMORY_MB,
        n_children: int = N_CHILDREN,
        kinds: Mapping[str, Format] = KINDS,
    ) -> None:
        """`timeout_s` and `memory_mb` limit the reading of one document; `kinds` says who reads what."""
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._kinds = kinds
        self._is_closed = False
        self._all = tuple(_Place(memory_mb * 1024**2) for _ in range(n_children))
        self._free: queue.LifoQueue[_Place] = queue.LifoQueue()
        for place in self._all:
            self._free.put(place)

    def read(self, kind: str, data: bytes, name: str) -> Content:
        """What is in `data`, of `kind` ".pdf" or "webpage"; messages call it `name`. Raises DocumentError."""
        module = self._kinds[kind].module
        place = self._free.get()
        try:
            answer = self._ask(place, module, data, name)
        finally:
            self._free.put(place)
        return self._content(answer, name)

    def _ask(self, place: _Place, module: str, data: bytes, name: str) -> bytes:
        try:
            return place.ask(module, data, name, self._timeout_s)
        except TimeIsUp as error:
            raise DocumentError(
                f"{name} was not read within {self._timeout_s:g} s; split it, or raise AION_READ_TIMEOUT_S."
            ) from error
        except ChildGone as error:
            if self._is_closed:
                raise DocumentError(f"{name} was not read, for AION was ended; give it again.") from error
            raise _failed(name, str(error)) from error
        except OSError as error:
            raise DocumentError(
                f"{name} was not read, for no process could be started ({error}); try again when the machine "
                "has more to spare."
            ) from error

    def _content(self, message: bytes, name: str) -> Content:
        """What the child found. Its answer is checked: a parser led astray may answer anything."""
        try:
            answer = json.loads(message)
            if not isinstance(answer, dict):
                raise ValueError("no object")
            if answer.get("memory"):
                raise DocumentError(
                    f"{name} takes more than {self._memory_mb} MB of memory to read; split it."
                )
            if isinstance(answer.get("error"), str):
                raise DocumentError(answer["error"])
            return from_json(answer)
        except (ValueError, RecursionError) as error:
            raise _failed(name, "its answer makes no sense") from error

    def close(self) -> None:
        """End the children at once: what they read, and whatever is to be read later, is refused."""
        self._is_closed = True
        for place in self._all:
            place.stop()
        for place in [self._free.get() for _ in self._all]:  # given back by who was reading
            place.end()
            self._free.put(place)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Place:
    """Where one child is, or none. Owned by the thread that reads; any may stop it."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._child: Child | None = None
        self._is_stopped = False
        self._lock = threading.Lock()

    def ask(self, module: str, data: bytes, name: str, timeout_s: float) -> bytes:
        """The child's answer; after an error there is no child. Raises TimeIsUp, ChildGone, OSError."""
        was_kept = self._child is not None
        child = self._started()
        try:
            return child.ask(module, data, name, timeout_s)
        except ChildLeft:
            self.end()
            if not was_kept:
                raise
            return self.ask(module, data, name, timeout_s)  # it had left before this document came
        except BaseException:
            self.end()
            raise

    def stop(self) -> None:
        """Kill the child, whatever it is doing, so that its reader learns it; no other begins."""
        with self._lock:
            self._is_stopped = True
            if self._child is not None:
                self._child.stop()

    def end(self) -> None:
        with self._lock:
            if self._child is not None:
                self._child.kill()
                self._child = None

    def _started(self) -> Child:
        with self._lock:
            if self._is_stopped:
                raise ChildGone("it was ended")
            self._child = self._child or Child(self._memory_bytes)
            return self._child


def _failed(name: str, how: str) -> DocumentError:
    return DocumentError(
        f"{name} makes its reader fail ({how}); open it in its own program and save it again."
    )
