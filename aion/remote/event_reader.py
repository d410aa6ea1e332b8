"""Server-sent events from bytes as they come (WHATWG HTML, 9.2): the data of each, whole."""

from __future__ import annotations

MAX_LINE_BYTES = 2**20


class LineTooLong(ValueError):
    """A line has no end within the limit."""


class EventReader:
    """Bytes in, the data of whole events out. Holds at most a line and an event of `max_bytes` each."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._rest = bytearray()
        self._data: list[str] = []
        self._n_chars = 0

    def push(self, received: bytes) -> list[str]:
        """The data of the events that `received` brings to their end. Raises LineTooLong."""
        n_seen = len(self._rest)
        self._rest += received
        if b"\n" not in received:
            if len(self._rest) > self._max_bytes:
                raise LineTooLong
            return []
        end = self._rest.rindex(b"\n", n_seen)
        whole, self._rest = bytes(self._rest[:end]), self._rest[end + 1 :]
        return [event for line in whole.split(b"\n") if (event := self._line(line)) is not None]

    def finish(self) -> list[str]:
        """What the last event has, where its blank line never came."""
        events = [self._line(bytes(self._rest)), self._line(b"")]
        self._rest.clear()
        return [event for event in events if event is not None]

    def _line(self, line: bytes) -> str | None:
        line = line.removesuffix(b"\r")
        if not line:
            data, self._data, self._n_chars = self._data, [], 0
            return "\n".join(data) if data else None
        name, _, value = line.decode("utf-8", "replace").partition(":")
        if name == "data":
            self._n_chars += len(value)
            if self._n_chars > self._max_bytes:
                raise LineTooLong
            self._data.append(value.removeprefix(" "))
        return None
