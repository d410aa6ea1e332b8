"""Not to be a burden: one request at a time a host, and a pause between two."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the crawler sees it; `now` is in seconds from anywhere."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's time."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Pace:
    """Whose turn it is. Invariant: while one turn at a host lasts, no other begins. Safe for threads."""

    def __init__(self, clock: Clock, waiting: Callable[[str, float], None] | None = None) -> None:
        """`waiting` is told of each host and the seconds that will be waited for it."""
        self._clock = clock
        self._waiting = waiting
        self._locks: dict[str, threading.Lock] = {}
        self._free_at: dict[str, float] = {}

    @contextlib.contextmanager
    def turn(self, host: str, delay_s: float) -> Iterator[None]:
        """One request to `host`, `delay_s` after the end of the last one or later."""
        with self._locks.setdefault(host, threading.Lock()):
            wait = self._free_at.get(host, -math.inf) + delay_s - self._clock.now()
            if wait > 0:
                if self._waiting is not None:
                    self._waiting(host, wait)
                self._clock.sleep(wait)
            try:
                yield
            finally:
                self._free_at[host] = max(self._clock.now(), self._free_at.get(host, -math.inf))

    def postpone(self, host: str, seconds: float) -> None:
        """No turn at `host` before `seconds` from now, and the usual pause after that."""
        self._free_at[host] = self._clock.now() + seconds


def retry_after_s(value: str, now: float) -> float | None:
    """The seconds of a Retry-After: a number or a date (RFC 9110, 10.2.3); `now` is a Unix time."""
    if value.strip().isdecimal():
        return float(value.strip()[:12])
    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
