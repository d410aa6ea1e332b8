"""What the step "exports" of the schema adds: how far each exported file is, and indexes that hold the
figures of events, so that a metric over months reads no text."""

from __future__ import annotations

import apsw

# The figures stand in the index itself: SQLite then answers from it alone and never reads `meta`, which holds
# the words of prompt, reply and payload. A query must spell an expression as it is spelt here.
_INDEXES = (
    """
    CREATE INDEX events_answers ON events (
        tenant, at, meta ->> '$.source', meta ->> '$.reason', meta ->> '$.C', meta ->> '$.tau',
        meta ->> '$.confidence_method', meta ->> '$.n_prompt', meta ->> '$.n_completion', meta ->> '$.ms',
        json_array_length(meta, '$.unsupported'), meta ->> '$.model', meta ->> '$.adapter'
    ) WHERE kind = 'answer'
    """,
    """
    CREATE INDEX events_paid ON events (
        tenant, at, meta ->> '$.cost_micros', meta ->> '$.tokens_in', meta ->> '$.tokens_out',
        meta ->> '$.model'
    ) WHERE kind = 'fallback'
    """,
    "CREATE INDEX events_feedback ON events (tenant, at) WHERE kind = 'feedback'",
    "CREATE INDEX events_retrieval ON events (tenant, at) WHERE kind = 'retrieval'",
    "CREATE INDEX retrievals_heat ON retrievals (event_id, document_id, rank, score, tenant)",
)

# One file has one tenant's rows in one form, and `options` say how they were chosen. `last_event` is the
# newest event that was looked at for it.
_EXPORTS = """
    CREATE TABLE exports (
        path TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        form TEXT NOT NULL,
        options TEXT NOT NULL CHECK (json_valid(options)),
        last_event INTEGER NOT NULL,
        n_rows INTEGER NOT NULL,
        at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
"""


def add_export_tables(db: apsw.Connection) -> None:
    """The table `exports`, and the indexes of figures."""
    db.execute(_EXPORTS)
    for statement in _INDEXES:
        db.execute(statement)
