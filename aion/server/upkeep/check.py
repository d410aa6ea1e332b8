"""`aion check`: everything in and beside the file, one problem a line, each with its remedy."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aion.engine.catalog import choose_embedder
from aion.engine.embedder import embedder_name
from aion.engine.model import Model
from aion.errors import ModelError, StoreError
from aion.events.log import late_file
from aion.rag.index_check import PARTS, Problem, check
from aion.settings import Settings
from aion.store.connection import Store
from aion.store.copies.page_copy import Facts, damage, facts, refuse_other, snapshot
from aion.store.index import Index
from aion.store.integrity import Integrity
from aion.store.log_integrity import LogIntegrity
from aion.store.migrations import MIGRATIONS
from aion.store.sqlite_errors import translated
from aion.store.vectors import Vectors

ALL_PARTS = (*PARTS, "events", "files")
_RESTORE = "aion restore BACKUP, or keep them: answers do not depend on them"


@dataclass(frozen=True, slots=True)
class Report:
    """What is in the file and what is wrong with it."""

    facts: Facts
    problems: tuple[Problem, ...]

    @property
    def is_whole(self) -> bool:
        return all(problem.is_note for problem in self.problems)


def check_all(settings: Settings, looking: Callable[[str], None]) -> Report:
    """Look at everything; `looking` is told at what. Others may write meanwhile.

    Raises StoreError for a file that cannot be looked at: absent, no SQLite file, of a newer AION.
    """
    db = settings.db
    if not db.exists():
        raise StoreError(f"{db} does not exist; name the store with --db or AION_DB.", param="AION_DB")
    with translated(db, 0), snapshot(db) as raw:
        refuse_other(raw, db)
        found = facts(raw)
        if found.schema < len(MIGRATIONS):
            looking(PARTS[0])
            return Report(found, (*_damage(damage(raw)), _old(found.schema), *_beside(db)))
    with contextlib.closing(Store(db)) as store:
        problems = check(
            Index(store), Integrity(store), Vectors(store, memory_bytes=0), _embedder(settings), looking
        )
        if not any(problem.subject == PARTS[0] for problem in problems):
            looking("events")
            problems += _log(LogIntegrity(store))
    looking("files")
    return Report(found, (*problems, *_beside(db)))


def _embedder(settings: Settings) -> str | None:
    """The name under which the configured embedder keeps its vectors; its weights are not read."""
    try:
        path = choose_embedder(settings.embed_model, settings.models_dir).path
        with contextlib.closing(Model(path, weights=False)) as model:
            return embedder_name(model)
    except ModelError:  # aion doctor tells of that
        return None


def _damage(found: list[str]) -> Iterator[Problem]:
    for text in found:
        yield Problem(PARTS[0], text, "aion restore BACKUP, or move the file away and ingest again")


def _old(schema: int) -> Problem:
    return Problem(
        "schema",
        f"the file has schema {schema} and this AION uses {len(MIGRATIONS)}; the rest was not looked at",
        "the next start brings it up to date and keeps a copy of it first",
        is_note=True,
    )


def _log(integrity: LogIntegrity) -> Iterator[Problem]:
    for what, n in integrity.bad_rows().items():
        yield Problem("events", f"{n} {what}", _RESTORE)
    for table, n in integrity.ids_given_twice().items():
        yield Problem(
            "events", f"{n} rows of {table} have ids that would be given again", "aion restore BACKUP"
        )


def _beside(db: Path) -> Iterator[Problem]:
    """Events that wait for the disk, and copies that AION made."""
    with late_file(db).held() as late:
        n_late = len(late.entries)
    if n_late:
        waits = f"{n_late} groups of events wait in {late_file(db).path}"
        yield Problem("events", waits, "aion serve writes them when the disk takes them", is_note=True)
    copies = [Path(name) for name in glob.glob(f"{glob.escape(str(db))}.before-*")]
    if copies:
        size = sum(path.stat().st_size for path in copies)
        names = ", ".join(sorted(path.name for path in copies))
        what = f"what the store held before, {size / 1e6:.1f} MB: {names}"
        yield Problem("files", what, "delete what you do not need", is_note=True)
