"""Events that are too old go, at the start and once a day while AION serves."""

from __future__ import annotations

import logging
import threading

from aion.errors import AionError
from aion.events.retention import expire
from aion.store.connection import Store

_DAY_S = 24 * 3600.0
_LOG = logging.getLogger(__name__)


class Retention:
    """Deletes in a thread of its own. `start` and `close` from one thread. 0 days keep events for good."""

    def __init__(self, store: Store, days: int) -> None:
        self._store = store
        self._days = days
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Delete now and every day from now on."""
        if self._days:
            self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
            self._thread.start()

    def close(self, timeout_s: float = 10.0) -> None:
        """End. A long deletion ends with its present transaction when the store is closed; the next start
        goes on with it."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                n_removed = expire(self._store, self._days)
                _LOG.info("%d events older than %d days deleted.", n_removed, self._days)
            except AionError as error:
                _LOG.warning("Old events could not be deleted: %s", error.message)
            self._closing.wait(_DAY_S)
