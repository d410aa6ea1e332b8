"""A request's body as it comes in: so many bytes at most, and not for ever.

Whoever sends one byte a minute holds a place, and memory, that others wait for.
"""

from __future__ import annotations

import asyncio
import time

from starlette.types import Message, Receive

from aion.errors import InvalidRequest

IDLE_S = 60.0
MIN_BYTES_PER_S = 16 * 1024  # on the whole, after the first IDLE_S


class BodyTooLarge(InvalidRequest):
    """The body is over the limit (413)."""


class BodyTooSlow(InvalidRequest):
    """The body stands still, or drips (408)."""


class NotJson(InvalidRequest):
    """The body says of itself that it is no JSON, or compressed (415)."""


class Arrival:
    """The messages of one request in place of its `receive`. Raises BodyTooLarge, with the sentence
    `too_large`, and BodyTooSlow."""

    def __init__(self, receive: Receive, limit: int, too_large: str) -> None:
        self._receive = receive
        self._limit = limit
        self._too_large = too_large
        self._n_bytes = 0
        self._started = time.monotonic()

    async def __call__(self) -> Message:
        try:
            async with asyncio.timeout(min(IDLE_S, self._left_s)):
                message = await self._receive()
        except TimeoutError as error:
            raise BodyTooSlow(
                f"The body came too slowly: nothing for {IDLE_S:.0f} s, or less than {MIN_BYTES_PER_S:,} "
                "bytes a second; send it again on a better line, or less at once."
            ) from error
        self._n_bytes += len(message.get("body", b""))
        if self._n_bytes > self._limit:
            raise BodyTooLarge(self._too_large)
        return message

    @property
    def _left_s(self) -> float:
        """Until the body is too slow on the whole."""
        return self._started + IDLE_S + self._n_bytes / MIN_BYTES_PER_S - time.monotonic()
