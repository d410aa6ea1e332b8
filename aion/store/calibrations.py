"""Calibrations of confidence over time; the newest one holds. Knows not what a model or a figure means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aion.store.connection import Store
from aion.store.copies import provenance


@dataclass(frozen=True, slots=True)
class Calibration:
    """One, as it was stored; `at` is UTC, ISO 8601; `origin` says what it was fitted on; `reranker` "" is
    none."""

    id: int
    at: str
    embedder: str
    reranker: str
    origin: str
    n_answerable: int
    n_unanswerable: int
    model: Mapping[str, object]
    figures: Mapping[str, float]


_COLUMNS = "id, at, embedder, reranker, origin, n_answerable, n_unanswerable, model, figures"
_OF = "tenant = ? AND embedder = ? AND reranker = ?"


class Calibrations:
    """The calibrations of each tenant. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        tenant: str,
        embedder: str,
        reranker: str,
        *,
        origin: str,
        n_answerable: int,
        n_unanswerable: int,
        model: Mapping[str, object],
        figures: Mapping[str, float],
    ) -> int:
        """Store one, which holds from now on; returns its id."""
        with self._store.write() as db:
            db.execute(
                """
                INSERT INTO calibrations
                    (tenant, at, embedder, reranker, origin, n_answerable, n_unanswerable, model, figures)
                VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ'), ?, ?, ?, ?, ?, ?, ?)
                """,
                (
                    tenant, embedder, reranker, origin, n_answerable, n_unanswerable,
                    json.dumps(dict(model), allow_nan=False), json.dumps(dict(figures), allow_nan=False),
                ),
            )  # fmt: skip
            return db.last_insert_rowid()

    def newest_id(self, tenant: str, embedder: str, reranker: str) -> int | None:
        """The id of the one that holds, None where there is none; takes microseconds."""
        with self._store.read() as db:
            found = db.execute(
                f"SELECT max(id) FROM calibrations WHERE {_OF}",  # noqa: S608
                (tenant, embedder, reranker),
            ).get
        return None if found is None else int(found)

    def generation(self) -> str:
        """Another text after a restore: ids are then of other calibrations."""
        with self._store.read() as db:
            return provenance.generation(db)

    def newest(self, tenant: str, embedder: str, reranker: str) -> Calibration | None:
        """The one that holds."""
        with self._store.read() as db:
            row: Any = db.execute(
                f"SELECT {_COLUMNS} FROM calibrations WHERE {_OF} ORDER BY id DESC LIMIT 1",  # noqa: S608
                (tenant, embedder, reranker),
            ).fetchone()
        return _calibration(row) if row else None

    def list(self, tenant: str, limit: int = 100) -> tuple[Calibration, ...]:
        """The newest `limit`, oldest first."""
        with self._store.read() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM calibrations WHERE tenant = ? ORDER BY id DESC LIMIT ?",  # noqa: S608
                (tenant, limit),
            ).fetchall()
        return tuple(_calibration(row) for row in reversed(rows))

    def remove_all(self, tenant: str) -> int:
        """Forget them, so that the prior holds again; returns how many there were."""
        with self._store.write() as db:
            db.execute("DELETE FROM calibrations WHERE tenant = ?", (tenant,))
            return db.changes()


def _calibration(row: Any) -> Calibration:
    id_, at, embedder, reranker, origin, n_answerable, n_unanswerable, model, figures = row
    return Calibration(
        id_,
        at,
        embedder,
        reranker,
        origin,
        n_answerable,
        n_unanswerable,
        json.loads(model),
        json.loads(figures),
    )
