"""Writes what an answer was made of: the contract's events, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping

from aion.store.events import Events
from aion.types import Event, Retrieval


class EventLog:
    """Turns answers into events. Safe for threads; blocks on the disk."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def answered(
        self,
        tenant: str,
        retrieval: Retrieval,
        *,
        prompt: str,
        reply: str,
        source: str,
        fallback_reason: str | None,
        details: Mapping[str, object],
    ) -> int:
        """Record `fallback` (value 0, when there is a reason), `retrieval` with a row a passage, and
        `answer` (value 1); return the id of the `answer` event. All are on disk, or none."""
        items: list[Event | Retrieval] = []
        if fallback_reason is not None:
            items.append(Event("fallback", 0.0, {"reason": fallback_reason, "prompt": prompt}))
        items.append(retrieval)
        meta = {"prompt": prompt, "reply": reply, "rank": 1, "source": source, **details}
        items.append(Event("answer", 1.0, meta))
        return self._events.append_all(tenant, items)[-1]
