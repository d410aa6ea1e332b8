"""Everything that runs behind the port: services, the app over them, and what works by the clock."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from starlette.applications import Starlette

from aion.server.app import create_app
from aion.server.events.daily_export import DailyExport
from aion.server.events.retention import Retention
from aion.server.lifecycle.ready import warm_up
from aion.server.lifecycle.reload import Reload
from aion.server.lifecycle.start import Start
from aion.server.lifecycle.still_heap import still_heap
from aion.server.model_files.one_maker import GgufProgress
from aion.server.observe.log import configure_logging
from aion.server.services import Services, open_services
from aion.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """Loaded and running. `reload` reads the settings anew; `rest` ends what works by itself, beside the
    questions, and blocks until it has."""

    app: Starlette
    services: Services
    reload: Reload
    rest: Callable[[], None]


@contextlib.contextmanager
def open_parts(
    settings: Settings,
    given: Mapping[str, object],
    start: Start,
    progress: GgufProgress,
    followers: Sequence[Callable[[Settings], None]] = (),
) -> Iterator[Parts]:
    """Load and start all; stop and close all on leaving. `given` are those of the command line; `followers`
    are told of new ones.

    Raises AionError where something that is needed cannot be loaded.
    """
    with (
        open_services(settings, progress, start.enter) as services,
        contextlib.closing(Retention(services.library.store, settings.events_days)) as retention,
        contextlib.closing(DailyExport(settings, services.library.store)) as daily_export,
    ):
        start.enter("first_token")
        warm_up(services.engine)
        app = create_app(services)
        others: list[Callable[[Settings], None]] = [
            *followers,
            lambda new: retention.change(new.events_days),
            partial(configure_logging, stream=sys.stderr),
        ]
        reload = app.state.reload = Reload(app, given, others)
        library = services.library
        workers: list[_Worker] = [
            retention,
            daily_export,
            library.reembedding,
            *([library.watch] if library.watch else []),
        ]
        for worker in workers:
            worker.start()
        library.log.reserve()
        with still_heap():
            yield Parts(app, services, reload, lambda: _close(workers))


class _Worker(Protocol):
    """A thread of its own; `close` may be called again."""

    def start(self) -> None: ...
    def close(self) -> None: ...


def _close(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.close()
