"""What a service has acknowledged, written down by its clients, and held against its file after a kill."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aion.store.copies.page_copy import snapshot

GONE = ""  # the state of a document that is not there


@dataclass
class Ledger:
    """Safe for threads. `documents` has, by source, the states a document may be in: the acknowledged one
    and, from when a change is sent until it is acknowledged, the changed one too. A state is a title."""

    events: dict[int, str] = field(default_factory=dict)
    documents: dict[str, set[str]] = field(default_factory=dict)
    keys: dict[str, bool] = field(default_factory=dict)  # by id, whether it was revoked
    paid_micros: int = 0
    n_paid: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    under_way: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """A request is under way."""
        with self.lock:
            self.under_way[what] += 1
        try:
            yield
        finally:
            with self.lock:
                self.under_way[what] -= 1

    def event(self, event_id: int, kind: str) -> None:
        with self.lock:
            if event_id in self.events:
                self.troubles.append(f"event {event_id} was given twice")
            self.events[event_id] = kind
            self.acknowledged[kind] += 1

    def count(self, what: str) -> None:
        with self.lock:
            self.acknowledged[what] += 1

    def paid(self, micros: int) -> None:
        with self.lock:
            self.n_paid += 1
            self.paid_micros += micros
            self.acknowledged["paid call"] += 1

    def sends(self, source: str, state: str) -> None:
        with self.lock:
            self.documents.setdefault(source, {GONE}).add(state)

    def stored(self, source: str, state: str) -> None:
        with self.lock:
            self.documents[source] = {state}
            self.acknowledged["document" if state else "deletion"] += 1

    def key(self, key_id: str, *, is_revoked: bool) -> None:
        with self.lock:
            self.keys[key_id] = is_revoked
            self.acknowledged["key"] += 1

    def lost(self, path: Path, tenant: str) -> list[str]:
        """What was acknowledged and is not in the file."""
        with self.lock, snapshot(path) as db:
            rows = db.execute("SELECT id, kind FROM events WHERE tenant = ?", (tenant,))
            events = {int(id_): str(kind) for id_, kind in rows}
            titles = {str(s): str(t) for s, t in db.execute("SELECT source, title FROM documents")}
            keys = {str(id_): at is not None for id_, at in db.execute("SELECT id, revoked_at FROM keys")}
            (calls,) = db.execute(
                "SELECT count(*), coalesce(sum(cost_micros), 0) FROM paid_calls WHERE state = 'settled'"
            )
            found = [f"event {id_} ({kind})" for id_, kind in self.events.items() if events.get(id_) != kind]
            found += [
                f"document {source}: {titles.get(source, GONE)!r}, not {sorted(states)}"
                for source, states in self.documents.items()
                if titles.get(source, GONE) not in states
            ]
            found += [f"key {id_}" for id_, revoked in self.keys.items() if keys.get(id_) is not revoked]
            if calls[0] < self.n_paid or calls[1] < self.paid_micros:
                found.append(f"paid calls: {calls} of {self.n_paid} that cost {self.paid_micros}")
            return found + self.troubles
