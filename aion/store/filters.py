"""Filters as SQL: which documents pass, and which chunks a search may then find.

A chunk with text belongs to every document that has it or a twin of it.
"""

from __future__ import annotations

from typing import TypeAlias

from aion.types import Filters

Parameters: TypeAlias = tuple[str | int, ...]

_LAST = "\U0010ffff"  # sorts behind every character of a text


def documents_where(filters: Filters) -> tuple[str, Parameters]:
    """A condition on the table `documents`, and its parameters.

    A document without a date fails every filter on dates; one dated "2026-01-31T10:00" passes `date_to`
    "2026-01-31", for a day is all of it.
    """
    conditions: list[str] = []
    parameters: list[str | int] = []

    def add(condition: str, *values: str | int) -> None:
        conditions.append(condition)
        parameters.extend(values)

    if filters.source is not None:
        add("documents.source = ?", filters.source)
    if filters.path_prefix:
        add(
            "documents.source >= ? AND documents.source < ?", filters.path_prefix, filters.path_prefix + _LAST
        )
    if filters.date_from is not None:
        add("documents.date >= ?", filters.date_from)
    if filters.date_to is not None:
        add("substr(documents.date, 1, ?) <= ?", len(filters.date_to), filters.date_to)
    for tag in filters.tags:
        add(
            "documents.id IN (SELECT document_id FROM document_tags"
            " WHERE document_tags.tenant = documents.tenant AND tag = ?)",
            tag,
        )
    return " AND ".join(conditions) or "1", tuple(parameters)


def chunks_query(tenant: str, filters: Filters) -> tuple[str, Parameters]:
    """A query, and its parameters, for the ids of chunks with text that belong to a passing document."""
    where, parameters = documents_where(filters)
    return (
        "SELECT coalesce(twin_of, chunks.id) FROM documents CROSS JOIN chunks "  # noqa: S608
        f"ON document_id = documents.id WHERE documents.tenant = ? AND {where}",
        (tenant, *parameters),
    )
