"""What has to be known of the file before it is opened for good. Changes nothing and upgrades nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw

from aion.errors import StoreError

_BUSY_MS = 500
_HAS_TABLE = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'keys')"
_HAS_KEY = "SELECT EXISTS (SELECT 1 FROM keys WHERE revoked_at IS NULL)"


def holds_key(path: Path) -> bool:
    """Whether the file has a key that nobody revoked; False without a file, and for one of before there were
    keys. Raises StoreError for a file that cannot be read."""
    if not path.exists():
        return False
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as db:
            db.set_busy_timeout(_BUSY_MS)
            return bool(db.execute(_HAS_TABLE).get) and bool(db.execute(_HAS_KEY).get)
    except apsw.Error as error:
        raise StoreError(
            f"{path} cannot be read ({error}); check its rights, or give AION another file with AION_DB.",
            param="AION_DB",
        ) from error
