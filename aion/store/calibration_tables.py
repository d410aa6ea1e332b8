"""What the step "calibrations" of the schema adds."""

from __future__ import annotations

import apsw

_STATEMENTS = (
    """
    CREATE TABLE calibrations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        at TEXT NOT NULL,
        embedder TEXT NOT NULL,
        reranker TEXT NOT NULL,
        origin TEXT NOT NULL,
        n_answerable INTEGER NOT NULL,
        n_unanswerable INTEGER NOT NULL,
        model TEXT NOT NULL CHECK (json_valid(model)),
        figures TEXT NOT NULL CHECK (json_valid(figures))
    ) STRICT
    """,
    "CREATE INDEX calibrations_models ON calibrations (tenant, embedder, reranker, id)",
)


def add_calibration_tables(db: apsw.Connection) -> None:
    """Calibrations; the newest of a tenant, an embedder and a reranker ("" where there is none) holds."""
    for statement in _STATEMENTS:
        db.execute(statement)
