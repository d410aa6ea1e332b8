"""Settings that change while AION serves: read again at SIGHUP, or changed and kept by the panel.

A new Services takes the place of the former in one assignment; requests under way end with theirs.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from starlette.applications import Starlette

from aion.errors import AionError
from aion.server.fallback import open_fallback
from aion.server.lifecycle.checks import problems
from aion.server.local_llm import open_local_llm
from aion.server.money import open_budget
from aion.server.services import Services, open_router
from aion.settings import Settings, load_settings
from aion.settings.keep import keep
from aion.settings.live import Change, compare
from aion.settings.origin import unknown, unreadable

_LOCAL_LLM = {"local_llm_model", "local_llm_api_key", "local_llm_timeout_s"}
_MONEY = ("fallback", "budget_")
_logger = logging.getLogger(__name__)


class Reload:
    """Of one app. `given` are the settings of the command line; `others` are told of new ones. Any thread but
    that of an event loop, one change at a time."""

    def __init__(
        self,
        app: Starlette,
        given: Mapping[str, object],
        others: Sequence[Callable[[Settings], None]] = (),
    ) -> None:
        self._app = app
        self._given = given
        self._others = others
        self._turn = threading.Lock()

    def reread(self) -> Change:
        """Take over what has changed and can be. Raises AionError for values that cannot be used; then all
        stays as it was."""
        with self._turn:
            return self._take_over(load_settings(**self._given))

    def keep(self, field: str, value: object) -> Change:
        """Write a value into the file of the settings, so that it outlives a restart, and take it over.

        Raises SettingsError for a value that cannot be used, a file that cannot be written, and where the
        environment or the command line would win over the file.
        """
        with self._turn:
            _refuse(load_settings(**{**self._given, field: value}))
            keep(field, value, self._given)
            return self._take_over(load_settings(**self._given))

    def at_signal(self) -> None:
        """`reread`, told in the log."""
        try:
            change = self.reread()
        except (AionError, OSError) as error:
            _logger.error("The settings stay as they were: %s", error)
        except Exception:
            _logger.exception("The settings could not be read again and stay as they were.")
        else:
            _logger.warning("Settings read again. %s", change.sentence)
            for sentence in (*(name.sentence for name in unknown()), *unreadable()):
                _logger.warning("%s", sentence)

    def _take_over(self, read: Settings) -> Change:
        services: Services = self._app.state.services
        change = compare(services.settings, read)
        _refuse(change.settings)
        if change.applied:
            self._app.state.services = rewired(services, change)
            for tell in self._others:
                tell(change.settings)
        return change


def _refuse(settings: Settings) -> None:
    """Raise the first SettingsError that these settings would meet."""
    if found := problems(settings):
        raise found[0]


def rewired(services: Services, change: Change) -> Services:
    """The same models and documents under other settings. Raises AionError."""
    settings, library, elsewhere = change.settings, services.library, services.elsewhere
    if elsewhere is not None and _LOCAL_LLM.intersection(change.applied):
        elsewhere = open_local_llm(settings)
    fallback = services.fallback
    if fallback is None or any(name.startswith(_MONEY) for name in change.applied):
        fallback = open_fallback(settings, open_budget(settings, library.store))
        if services.fallback is not None:
            fallback.spent = services.fallback.spent  # counted since the start, by answers under way too
    router = open_router(settings, library, elsewhere or services.generator, fallback)
    return replace(services, settings=settings, router=router, elsewhere=elsewhere, fallback=fallback)
