"""A whole life of the server: the port first, loading behind it, requests, signals, and an orderly end."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aion.errors import AionError
from aion.server.lifecycle.front import Front
from aion.server.lifecycle.listen import address_of, bind, url_of
from aion.server.lifecycle.notify import Notifier
from aion.server.lifecycle.start import Start
from aion.server.lifecycle.stopping import StoppableServer
from aion.server.wire.uvicorn_config import harden, limits_of
from aion.settings import Settings, load_settings
from aion.settings.supervisor import notify_socket

if TYPE_CHECKING:
    from aion.server.lifecycle.parts import Parts
    from aion.server.services import Services

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told what happens, in some thread of the server: the address when it answers, tensors of a
    conversion, the address again with the services when they are loaded."""

    bound: Callable[[str], None]
    converting: Callable[[str, int, int], None]
    ready: Callable[[str, Services], None]


def run_server(given: Mapping[str, object], told: Told) -> bool:
    """Serve with the settings, `given` over all others, until a signal. True when all was closed in order;
    False when it was told to end while it still loaded: then the process is to be left at once.

    Raises AionError when it cannot listen or load.
    """
    settings = load_settings(**given)
    with contextlib.closing(bind(address_of(settings), settings.port)) as bound:
        harden(bound, settings.send_timeout_s)
        life = _Life(settings, given, url_of(bound), told)
        life.server.run([bound])
        return life.close()


class _Life:
    """One run. The main thread serves, a second loads and then rests until the end, where it closes all."""

    def __init__(self, settings: Settings, given: Mapping[str, object], url: str, told: Told) -> None:
        self._settings = settings
        self._given = given
        self._url = url
        self._told = told
        self._start = Start()
        self._front = Front(settings, self._start)
        self._limits = limits_of(settings)
        self._notifier = Notifier(notify_socket())
        self._parts: Parts | None = None
        self._error: BaseException | None = None
        self._is_hung_up = False
        self._ending = threading.Event()
        self._loaded = threading.Event()  # or failed
        self._loader = threading.Thread(target=self._load, name="aion-loading", daemon=True)
        self.server = StoppableServer(
            self._front, self._limits, started=self._begin, stopping=self._stop, grace_s=self._grace_s
        )

    def close(self) -> bool:
        """Close what was loaded, unless a second signal comes; raises what loading or closing raised."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda given, _frame: os._exit(128 + given))
        self._ending.set()
        if not self._loaded.is_set():
            return False
        self._loader.join()
        if self._error is not None:
            raise self._error
        return True

    def _begin(self) -> None:
        """The port answers: load, and listen for SIGHUP."""
        self._notifier.loading()
        self._told.bound(self._url)
        outlives_terminal = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # under nohup
        ends_with_it = _has_terminal() and not outlives_terminal
        signal.signal(signal.SIGHUP, lambda _number, _frame: self._hang_up(ends_with_it))
        self._loader.start()

    def _load(self) -> None:
        try:
            from aion.server.lifecycle.parts import open_parts  # noqa: PLC0415 - llama.cpp, behind the port

            with open_parts(
                self._settings, self._given, self._start, self._converting, [self._limits.follow]
            ) as parts:
                self._parts = parts
                self._front.hand_over(parts.app)
                self._loaded.set()
                self._notifier.ready()
                self._tell_ready(parts.services)
                if self._is_hung_up:
                    self._reread()
                self._ending.wait()
        except BaseException as error:
            self._error = error
            self._start.failure = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
        finally:
            self._loaded.set()
            self.server.end()

    def _tell_ready(self, services: Services) -> None:
        """A listener whose terminal or pipe is gone does not end the service."""
        try:
            self._told.ready(self._url, services)
        except (OSError, SystemExit, AionError):
            _logger.warning("The start could not be told.", exc_info=True)

    def _converting(self, what: str, done: int, total: int) -> None:
        self._start.converting(what, done, total)
        self._told.converting(what, done, total)

    def _hang_up(self, ends_with_terminal: bool) -> None:
        """SIGHUP: read the settings again. Where it says that the terminal was closed, end as ever."""
        if ends_with_terminal and not _has_terminal():
            self.server.end()
            return
        self._is_hung_up = True  # also for a start that is not there yet
        if self._parts is not None:
            threading.Thread(target=self._reread, name="aion-reload", daemon=True).start()

    def _reread(self) -> None:
        assert self._parts is not None
        self._notifier.reloading()
        self._parts.reload.at_signal()
        self._notifier.ready()

    def _stop(self) -> None:
        """What works by itself ends while answers have their grace."""
        self._notifier.stopping(self._grace_s())
        if self._parts is not None:
            _logger.info("Stopping; answers under way have %g s.", self._grace_s())
            threading.Thread(target=self._parts.rest, name="aion-rest", daemon=True).start()

    def _grace_s(self) -> float:
        """As the settings have it now; none where nothing was loaded that could need it."""
        if self._parts is None:
            return 0.0
        services: Services = self._parts.app.state.services
        return services.settings.grace_s


def _has_terminal() -> bool:
    """Whether the process has a controlling terminal: a closed one is taken away before SIGHUP comes."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
