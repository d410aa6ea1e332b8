"""When a failed try is made again: exponential backoff with full jitter, and what the server asks for.

Full jitter: a wait drawn evenly from 0 to the backoff, so that clients that failed together do not come
back together (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """At most `retries` tries after the first. Waits are in seconds."""

    retries: int = 2
    first_s: float = 0.5
    longest_s: float = 8.0
    draw: Callable[[float, float], float] = random.uniform

    def wait_s(self, n_tried: int, retry_after_s: float | None, left_s: float) -> float | None:
        """How long to wait before trying again, after `n_tried` tries; None when it is of no use.

        A server that names a time is not asked before; where that time is not left, not at all.
        """
        if n_tried > self.retries:
            return None
        drawn = self.draw(0.0, min(self.longest_s, self.first_s * 2 ** (n_tried - 1)))
        wait_s = drawn if retry_after_s is None else retry_after_s + min(drawn, self.first_s)
        return wait_s if wait_s < left_s else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response asks to wait, as a number or as a date (RFC 9110, 10.2.3), or in the
    milliseconds OpenAI adds; None when it does not say."""
    try:
        if in_ms := headers.get("retry-after-ms"):
            return _not_negative(float(in_ms) / 1000)
        told = headers.get("retry-after")
        return None if told is None else _not_negative(float(told))
    except ValueError:
        return _until(headers.get("retry-after", ""))


def _until(date: str) -> float | None:
    try:
        return _not_negative(parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _not_negative(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds == seconds else None  # noqa: PLR0124 - not a number
