"""The HTTP server of a whole life: told when its port answers, and a stop that lets answers end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn

from aion.server.lifecycle.front import Front
from aion.server.wire.limits import ConnectionLimits
from aion.server.wire.uvicorn_config import uvicorn_config

LAST_WORDS_S = 2.0
CLOSING_S = 10.0
_LEAST_S = 0.05  # for who has ended already
_logger = logging.getLogger(__name__)


class StoppableServer(uvicorn.Server):
    """uvicorn with another end. The first SIGINT or SIGTERM begins a stop: no new connections, what runs has
    `grace_s()` seconds, the rest is cancelled, which is their chance for last words. The second cancels at
    once. Whatever happens the process is gone CLOSING_S later.
    """

    def __init__(
        self,
        front: Front,
        limits: ConnectionLimits,
        *,
        started: Callable[[], None],
        stopping: Callable[[], None],
        grace_s: Callable[[], float],
    ) -> None:
        super().__init__(uvicorn_config(front, limits))
        self._front = front
        self._told_started = started
        self._told_stopping = stopping
        self._grace_s = grace_s
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal. uvicorn listens for it only once its loop runs, and raises it once more when
        it has ended, which would kill the process before its parts are closed: neither may be lost or fatal,
        for an end that was asked for is a good end."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, lambda _number, _frame: self.end()) for number in numbers}
        try:
            super().run(sockets)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def end(self) -> None:
        """Stop as at a signal. Any thread."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._told_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if not self.should_exit:
            self.should_exit = True
            return
        self.force_exit = True
        leave_in(LAST_WORDS_S, 128 + sig)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel_all)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        grace_s = self._grace_s()
        leave_in(grace_s + LAST_WORDS_S + CLOSING_S, 0)
        self._front.stop()
        self._told_stopping()
        self.config.timeout_graceful_shutdown = max(grace_s, _LEAST_S)  # type: ignore[assignment]
        await super().shutdown(sockets)
        self._cancel_all()
        if tasks := self.server_state.tasks:
            await asyncio.wait(set(tasks), timeout=LAST_WORDS_S)

    def _cancel_all(self) -> None:
        """Once each: a second time would reach what they do at their end."""
        for task in list(self.server_state.tasks):
            if not task.cancelling():
                task.cancel()


def leave_in(seconds: float, code: int) -> None:
    """End the process by then, whatever still holds it. The file and what is written of it survive any end;
    nothing else is kept."""

    def leave() -> None:
        if code == 0:
            _logger.warning("Some part did not end in time; what it was at is given up.")
        os._exit(code)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
