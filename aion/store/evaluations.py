"""What evaluations of an operator's own questions came to, over time. Does not know what a figure means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from aion.store.connection import Store


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One run of one mode; `at` is UTC, ISO 8601; `figures` as they were given."""

    at: str
    embedder: str
    mode: str
    n_questions: int
    figures: Mapping[str, float]


class Evaluations:
    """The history of each tenant. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self, tenant: str, embedder: str, n_questions: int, figures_by_mode: Mapping[str, Mapping[str, float]]
    ) -> None:
        """Store one run, a row a mode, all in one transaction."""
        with self._store.write() as db:
            db.executemany(
                """
                INSERT INTO evaluations (tenant, at, embedder, mode, n_questions, figures)
                VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ'), ?, ?, ?, ?)
                """,
                (
                    (tenant, embedder, mode, n_questions, json.dumps(dict(figures), allow_nan=False))
                    for mode, figures in figures_by_mode.items()
                ),
            )

    def list(self, tenant: str, limit: int = 100) -> tuple[Evaluation, ...]:
        """The newest `limit` rows, oldest first."""
        with self._store.read() as db:
            rows = db.execute(
                "SELECT at, embedder, mode, n_questions, figures FROM evaluations WHERE tenant = ? "
                "ORDER BY id DESC LIMIT ?",
                (tenant, limit),
            ).fetchall()
        return tuple(
            Evaluation(at, embedder, mode, n, json.loads(figures))
            for at, embedder, mode, n, figures in reversed(rows)
        )
