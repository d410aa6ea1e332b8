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
    """Deletes in a thread of its own. `start`, `change` and `close` from one thread at a time. 0 days keep
    events for good."""

    def __init__(self, store: Store, days: int) -> None:
        self._store = store
        self._days = days
        self._closing = threading.Event()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Delete now and every day from now on."""
        if self._days:
            self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
            self._thread.start()

    def change(self, days: int) -> None:
        """Keep events for so many days from now on."""
        if days == self._days:
            return
        self._days = days
        if self._thread is None:
            self.start()
        else:
            self._woken.set()

    def close(self, timeout_s: float = 10.0) -> None:
        """End. A long deletion ends with its present transaction when the store is closed; the next start
        goes on with it."""
        self._closing.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            self._woken.clear()
            if self._closing.is_set():  # looked at after the clearing, so that no `close` is missed
                return
            if self._days:
                self._expire()
            self._woken.wait(_DAY_S)

    def _expire(self) -> None:
        try:
            n_removed = expire(self._store, self._days)
            _LOG.info("%d events older than %d days deleted.", n_removed, self._days)
        except AionError as error:
            _LOG.warning("Old events could not be deleted: %s", error.message)
