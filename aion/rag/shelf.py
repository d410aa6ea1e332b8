"""The documents of one folder in the store: what is there of it, new files in, gone ones out.

Takes its turn among those who ingest and lets others go first between two documents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from aion.fair_lock import FairLock
from aion.rag.ingest import Ingester
from aion.rag.ingestion import REMOVED_TOGETHER
from aion.rag.load import location_of, source_of
from aion.store.documents import Documents


class Shelf:
    """One folder of one tenant. Used by one thread."""

    def __init__(
        self, folder: Path, ingester: Ingester, documents: Documents, turns: FairLock, tenant: str
    ) -> None:
        self.folder = folder.absolute()
        self._ingester = ingester
        self._documents = documents
        self._turns = turns
        self._tenant = tenant

    def stored(self) -> dict[str, int]:
        """The locations of the folder's documents, with their ids."""
        known = self._documents.known(self._tenant, location_of(self.folder), None)
        return {document.location: document.id for document in known}

    def generation(self) -> str:
        """Another text after a restore of the store: what was taken in may be gone from it."""
        return self._documents.generation()

    def take_in(self, paths: Sequence[Path], tick: Callable[[], None]) -> dict[Path, str]:
        """Store what these files hold unless it is stored already; returns the reasons of those that failed.
        Missing vectors of stored text are not computed here (rag/index.py does that).

        `tick` is called between documents and now and then; what it raises ends it. Raises StoreError.
        """

        def step(_n_done: int, _n_files: int, _source: str) -> None:
            tick()
            self._turns.pass_on()

        with self._turns:
            summary = self._ingester.ingest(paths, self._tenant, step, folder=self.folder, leaves_stale=True)
        by_source = {source_of(path, self.folder): path for path in paths}
        return {by_source[source]: reason for source, reason in summary.failed if source in by_source}

    def forget(self, ids: Sequence[int], tick: Callable[[], None]) -> None:
        """Delete these documents, some at a time, so that others may write in between; `tick` as above."""
        for start in range(0, len(ids), REMOVED_TOGETHER):
            tick()
            self._documents.delete_all(self._tenant, ids[start : start + REMOVED_TOGETHER])
