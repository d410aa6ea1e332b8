"""Where retrieval goes: documents by day, scores by rank. SQL only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from aion.store.connection import Store
from aion.store.metrics import Stretch


class HeatRow(NamedTuple):
    """A document's passages on one day; `event` is the last retrieval that found one of them."""

    document_id: int
    name: str
    n: int
    sum_score: float
    event: int


# A statement a day: sorting thousands of rows ninety times takes a third of sorting all of them once.
_DAY = """
    FROM events INDEXED BY events_retrieval CROSS JOIN retrievals INDEXED BY retrievals_heat
        ON retrievals.tenant = :tenant AND retrievals.event_id = events.id
    WHERE kind = 'retrieval' AND events.tenant = :tenant AND at >= :first AND at < :end
"""
_DOCUMENTS = f"SELECT document_id, :day, count(*), sum(score), max(event_id) {_DAY} GROUP BY document_id"
_RANKS = f"""
    SELECT rank, max(0, min(:n_bins - 1, CAST(score * :n_bins AS INTEGER))), count(*) {_DAY} GROUP BY 1, 2
"""
_SOURCES = """
    SELECT found.value ->> 0, coalesce(
        (SELECT source FROM documents WHERE id = found.value ->> 0 AND documents.tenant = :tenant),
        (SELECT source FROM retrievals WHERE event_id = found.value ->> 1
            AND document_id = found.value ->> 0 AND retrievals.tenant = :tenant), '')
    FROM json_each(:found) AS found
"""


class HeatMetrics:
    """Heat maps of one tenant at a time. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def documents(self, tenant: str, days: Sequence[Stretch]) -> Iterator[HeatRow]:
        """Passages retrieved by day and document; what was not retrieved has no row."""
        for day in days:
            values = {"tenant": tenant, "day": day.name, "first": day.first, "end": day.end}
            for row in self._rows(_DOCUMENTS, values):
                yield HeatRow(*row)

    def ranks(self, tenant: str, days: Sequence[Stretch], n_bins: int) -> dict[tuple[int, int], int]:
        """How many passages had which rank, from 1, and a score in which of `n_bins` bins of equal width; 1
        is in the last one."""
        found: Counter[tuple[int, int]] = Counter()
        for day in days:
            values = {"tenant": tenant, "first": day.first, "end": day.end, "n_bins": n_bins}
            for rank, score_bin, n in self._rows(_RANKS, values):
                found[rank, score_bin] += n
        return found

    def sources(self, tenant: str, found: Iterable[tuple[int, int]]) -> dict[int, str]:
        """The source of each document, given with a retrieval that found it: its name now, or, when it is
        gone, as it was then."""
        rows = self._rows(_SOURCES, {"tenant": tenant, "found": json.dumps(list(found))})
        return dict(rows)

    def _rows(self, statement: str, values: dict[str, Any]) -> list[Any]:
        with self._store.read() as db:
            return db.execute(statement, values).fetchall()
