"""Where a found chunk stands: its text with the document that shows it, a twin's where that one passes the
filters and its own does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aion.store.connection import Store
from aion.store.copies import provenance
from aion.store.filters import documents_where
from aion.types import Filters


@dataclass(frozen=True, slots=True)
class Place:
    """A chunk in a document. `id` is that of its own row, a twin's too; `language` "pt", "en" or ""."""

    id: int
    document_id: int
    source: str
    title: str
    text: str
    line: int
    page: int | None
    language: str


_PLACES = """
    SELECT first.id, here.id, here.document_id, source, here.title, first.text, here.line, here.page, language
    FROM json_each(?) CROSS JOIN chunks AS first ON first.id = value
    CROSS JOIN chunks AS here ON {here} CROSS JOIN documents ON documents.id = here.document_id
    WHERE first.tenant = ? AND {passes}
"""


class Places:
    """Places of one tenant's chunks. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def generation(self) -> str:
        """Another text after a restore: chunks found before it may be others now."""
        with self._store.read() as db:
            return provenance.generation(db)

    def find(self, tenant: str, chunk_ids: Sequence[int], filters: Filters | None = None) -> dict[int, Place]:
        """The place of each of the chunks, which have text: its own, or that of its first twin to pass the
        filters. Chunks that are gone, or have no such place, are left out."""
        passes, parameters = documents_where(filters) if filters else ("1", ())
        own = _PLACES.format(here="here.id = first.id", passes=passes)
        twins = _PLACES.format(here="here.twin_of = first.id", passes=passes)
        values = (json.dumps(list(chunk_ids)), tenant, *parameters)
        found: dict[int, Place] = {}
        with self._store.read() as db:
            sql, n_times = (f"{own} UNION ALL {twins}", 2) if filters else (own, 1)
            rows: Any = db.execute(sql, values * n_times)
            for first, *row in rows:
                found.setdefault(first, Place(*row))
        return found
