"""The dataset exported once a day while AION serves, without holding up answers."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

from aion.errors import AionError
from aion.events.export import Exported
from aion.server.events.export_file import Rest, Wanted, export_dataset, export_file
from aion.settings import Settings
from aion.store.connection import Store
from aion.store.exports import Exports

_LOOK_AGAIN_S = 600.0
_REST = 3.0  # times as long as it works
_LOG = logging.getLogger(__name__)


class DailyExport:
    """Exports the chat form when it was not exported today (UTC) and there is something new; so a day that
    was missed is made up at the start. In a thread of its own, which rests most of the time. `start` and
    `close` from one thread, the rest from any."""

    def __init__(self, settings: Settings, store: Store, look_again_s: float = _LOOK_AGAIN_S) -> None:
        self._settings = settings
        self._store = store
        self._look_again_s = look_again_s
        self._problem = ""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aion-export", daemon=True)

    @property
    def problem(self) -> str:
        """Why the last one failed; "" when it did not."""
        return self._problem

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout_s: float = 10.0) -> None:
        """End at the next row; the file stays as it was. Safe when it was never started."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def export_if_due(self) -> Exported | None:
        """Export when a day is due; None when none is. Raises AionError."""
        exports = Exports(self._store)
        state = exports.find(str(export_file(self._settings, "chat").absolute()))
        is_whole = state is not None and state.last_event > 0  # not only begun
        if state and is_whole and (state.at[:10] == _today() or state.last_event == exports.newest()):
            return None
        if not exports.has_answers(self._settings.tenant):
            return None
        return export_dataset(self._settings, self._store, Wanted("chat"), Rest(_REST, self._rest))

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self.export_if_due()
                self._problem = ""
            except _Closing:
                return
            except AionError as error:
                if error.message != self._problem:
                    _LOG.warning("The dataset was not exported: %s", error.message)
                self._problem = error.message
            except Exception:
                _LOG.exception("The export of the day failed; it is tried again in %g s.", self._look_again_s)
            self._closing.wait(self._look_again_s)

    def _rest(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise _Closing


class _Closing(Exception):
    """The service ends."""


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
