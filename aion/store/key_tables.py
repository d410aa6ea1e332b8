"""What the step "keys" of the schema adds: keys of the HTTP interface, and sessions of the panel."""

from __future__ import annotations

import apsw

# A key's row stays when the key is revoked, so that a log's key id keeps its name; its name is free again.
_STATEMENTS = (
    """
    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        secret_sha256 TEXT NOT NULL,
        roles TEXT NOT NULL CHECK (json_valid(roles)),
        tenants TEXT NOT NULL CHECK (json_valid(tenants)),
        created_at TEXT NOT NULL,
        last_used_at TEXT,
        expires_at TEXT,
        revoked_at TEXT
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX keys_name ON keys (name) WHERE revoked_at IS NULL",
    """
    CREATE TABLE sessions (
        token_sha256 TEXT PRIMARY KEY,
        key_id TEXT NOT NULL REFERENCES keys ON DELETE CASCADE,
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX sessions_key ON sessions (key_id)",
)


def add_key_tables(db: apsw.Connection) -> None:
    """The tables `keys` and `sessions`; times are UTC, ISO 8601, as `strftime('%Y-%m-%dT%H:%M:%fZ')`."""
    for statement in _STATEMENTS:
        db.execute(statement)
