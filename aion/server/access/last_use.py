"""When a key was used last, written now and then and waited for by nobody."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor

from aion.errors import StoreError
from aion.store.connection import Store
from aion.store.keys import Keys, utc_text

_EVERY_S = 60.0
_LOG = logging.getLogger(__name__)


class LastUse:
    """Belongs to the event loop; its one thread ends with the process. A key is written once a minute."""

    def __init__(self) -> None:
        self._noted: dict[str, float] = {}
        self._thread = ThreadPoolExecutor(1, "last-use")

    def note(self, store: Store, key_id: str) -> None:
        """Returns at once."""
        now = time.monotonic()
        if now - self._noted.get(key_id, -_EVERY_S) >= _EVERY_S:
            self._noted[key_id] = now
            self._thread.submit(_write, store, key_id, utc_text())


def _write(store: Store, key_id: str, at: str) -> None:
    try:
        Keys(store).used(key_id, at)
    except StoreError as error:
        _LOG.info("The last use of key %s is not on record: %s", key_id, error)
