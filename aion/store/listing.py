"""Documents as they are listed and looked at: by source, in pages, with their chunks. Only reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import apsw

from aion.store.connection import Store

_AFTER_ALL = "\U0010ffff"  # sorts after whatever can follow a prefix


@dataclass(frozen=True, slots=True)
class Listed:
    """A document without its text; `added_at` is UTC, ISO 8601, of its last replacement."""

    id: int
    source: str
    title: str
    location: str
    language: str
    date: str | None
    tags: tuple[str, ...]
    n_chunks: int
    n_bytes: int
    added_at: str


@dataclass(frozen=True, slots=True)
class ChunkText:
    """A chunk as it is read; `twin_of` is the chunk that holds the same words for both, if any."""

    id: int
    text: str
    line: int
    page: int | None
    twin_of: int | None


_COLUMNS = """
    SELECT id, source, title, location, language, date,
           (SELECT json_group_array(tag) FROM
               (SELECT tag FROM document_tags WHERE document_id = documents.id ORDER BY tag)),
           (SELECT count(*) FROM chunks WHERE document_id = documents.id), n_bytes, added_at
    FROM documents
"""


class Listing:
    """What a tenant has. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(
        self, tenant: str, limit: int, after: str = "", prefix: str = "", tag: str | None = None
    ) -> tuple[Listed, ...]:
        """At most `limit` documents in the order of their sources, those behind `after`, with
        sources that begin with `prefix` and with the tag."""
        with self._store.read() as db:
            rows = db.execute(
                f"""
                {_COLUMNS} WHERE tenant = ?1 AND source > ?2 AND source >= ?3 AND source < ?3 || ?4
                AND (?5 IS NULL OR EXISTS (SELECT 1 FROM document_tags AS bears
                     WHERE bears.tenant = ?1 AND bears.tag = ?5 AND bears.document_id = documents.id))
                ORDER BY source LIMIT ?6
                """,  # noqa: S608
                (tenant, after, prefix, _AFTER_ALL, tag, limit),
            )
            return tuple(_listed(row) for row in rows)

    def find(self, tenant: str, source: str) -> Listed | None:
        """The document of that source."""
        return self._one("tenant = ? AND source = ?", tenant, source)

    def by_id(self, tenant: str, document_id: int) -> Listed | None:
        """The document with that number."""
        return self._one("tenant = ? AND id = ?", tenant, document_id)

    def chunks(self, tenant: str, document_id: int) -> tuple[ChunkText, ...]:
        """The chunks of a document in order, each with its words, wherever these are kept."""
        with self._store.read() as db:
            rows = db.execute(
                """
                SELECT chunks.id, coalesce(first.text, chunks.text), chunks.line, chunks.page, chunks.twin_of
                FROM chunks LEFT JOIN chunks AS first ON first.id = chunks.twin_of
                WHERE chunks.tenant = ? AND chunks.document_id = ? ORDER BY chunks.position
                """,
                (tenant, document_id),
            )
            return tuple(ChunkText(*row) for row in rows)

    def _one(self, condition: str, *values: apsw.SQLiteValue) -> Listed | None:
        with self._store.read() as db:
            row = db.execute(f"{_COLUMNS} WHERE {condition}", values).fetchone()
        return _listed(row) if row else None


def _listed(row: tuple[Any, ...]) -> Listed:
    fields = list(row)
    fields[6] = tuple(json.loads(row[6]))
    return Listed(*fields)
