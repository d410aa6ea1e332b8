"""What the step "keys" of the schema adds: keys of the HTTP interface, and sessions of the panel."""

from __future__ import annotations

import apsw


def add_key_tables(_db: apsw.Connection) -> None:
    """The tables `keys` and `sessions`."""
