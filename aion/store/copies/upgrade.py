"""The copy of the file that is made before its schema becomes that of a newer AION. Deletes the copies that
earlier upgrades made, and knows no step of the schema."""

from __future__ import annotations

import glob
import logging
import re
from pathlib import Path

from aion.errors import StoreError
from aion.partial import too_little_room, whole_file
from aion.store.copies.page_copy import copy_pages, damage, quiet, size_of, snapshot
from aion.store.migrations import MIGRATIONS
from aion.store.sqlite_errors import writing

_NAME = re.compile(r"\.before-schema-\d+")
_LOG = logging.getLogger(__name__)


def keep_before(path: Path, found: int) -> None:
    """Keep `path`, of schema `found`, as it is, beside it. The caller lets nobody write meanwhile.

    Raises StoreError when there is no room, or the file is damaged; OSError.
    """
    kept = path.with_name(f"{path.name}.before-schema-{len(MIGRATIONS)}")
    with snapshot(path) as db:
        n_bytes = size_of(db)
        if problem := too_little_room(kept, n_bytes):
            raise StoreError(
                f"{path} has schema {found} and this AION needs {len(MIGRATIONS)}; it keeps a copy first: "
                f"{problem} Or move {path.name} to a larger disk and name it with AION_DB.",
                param="AION_DB",
            )
        with writing(kept), whole_file(kept) as partial:
            partial.chmod(0o600)
            copy_pages(db, partial, _unseen, "copy")
            _refuse_damaged(partial, path)
    _remove_older(path, kept)
    _LOG.warning(
        "The schema of %s becomes %d (it was %d). The file as it was is kept in %s (%.1f MB): to go back to "
        "the former AION, install that and run `aion restore %s`.",
        path, len(MIGRATIONS), found, kept, n_bytes / 1e6, kept,
    )  # fmt: skip


def _refuse_damaged(copy: Path, path: Path) -> None:
    """A damaged file is not touched: what is in it may still be saved by others."""
    with quiet(copy) as db:
        found = damage(db)
    if found:
        raise StoreError(
            f"{path} is damaged ({found[0]}) and was left as it was; restore a backup (aion restore), or "
            "move it away and ingest again."
        )


def _remove_older(path: Path, kept: Path) -> None:
    """Only the newest copy stays."""
    for other in path.parent.glob(f"{glob.escape(path.name)}.before-schema-*"):
        if other != kept and _NAME.fullmatch(other.name.removeprefix(path.name)):
            other.unlink(missing_ok=True)


def _unseen(_what: str, _done: int, _total: int) -> None:
    pass
