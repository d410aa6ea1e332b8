"""Carries events from the engine thread to an event loop: one wake-up for all that come together.

A step of the engine has an event for every sequence; waking the loop for each costs more than the events.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from aion.types import GenerationEvent

Events = asyncio.Queue[GenerationEvent]


class Outbox:
    """Of one event loop. `put` from any thread; the queues are filled on the loop, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._items: deque[tuple[Events, GenerationEvent]] = deque()
        self._is_woken = False

    def put(self, events: Events, event: GenerationEvent) -> None:
        """Hand `event` to the reader of `events`; lost without a word when the loop has ended."""
        self._items.append((events, event))
        if not self._is_woken:
            self._is_woken = True
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._is_woken = False  # before the last look: what comes after it wakes the loop again
        while self._items:
            events, event = self._items.popleft()
            events.put_nowait(event)


class LoopOutbox:
    """The outbox of the loop that asks; a service has one loop, so the latest is enough."""

    def __init__(self) -> None:
        self._outbox: Outbox | None = None

    def of(self, loop: asyncio.AbstractEventLoop) -> Outbox:
        outbox = self._outbox
        if outbox is None or outbox.loop is not loop:
            outbox = self._outbox = Outbox(loop)
        return outbox
