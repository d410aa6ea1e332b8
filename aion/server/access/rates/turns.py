"""Work of which only so much runs at once: more waits, and more than that is told to come back.

Threads cannot be stopped: one whose client went away keeps its turn until it has ended, or clients that come
and go would have any number of them running.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from starlette.requests import HTTPConnection

from aion.errors import EngineBusy
from aion.server.access.rates.limits import take_turn
from aion.server.background import in_background

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

AT_ONCE = 4
WAITING = 64
_RETRY_AFTER_S = 2


class Turns:
    """Those of one kind of work. Belongs to the event loop."""

    def __init__(self, what: str, n_at_once: int = AT_ONCE, n_waiting: int = WAITING) -> None:
        self._what = what
        self._most = n_at_once + n_waiting
        self._free = asyncio.Semaphore(n_at_once)
        self.n_admitted = 0

    @contextlib.contextmanager
    def admitted(self) -> Iterator[Turns]:
        """A place among those that run or wait. Raises EngineBusy when all are taken."""
        if self.n_admitted >= self._most:
            raise EngineBusy(
                f"{self.n_admitted} requests of {self._what} are under way; try again in {_RETRY_AFTER_S} s.",
                _RETRY_AFTER_S,
            )
        self.n_admitted += 1
        try:
            yield self
        finally:
            self.n_admitted -= 1

    async def run(
        self, work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """What `work` returns or raises, in a thread, when it is its turn."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()

        def release() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._free.release)

        has_begun = False

        def held() -> Result:
            nonlocal has_begun
            has_begun = True
            try:
                return work(*args, **kwargs)
            finally:
                release()

        try:
            return await in_background(held)
        except RuntimeError:
            if not has_begun:  # no thread can be had: nothing else would give the turn back
                self._free.release()
            raise


def turns_of(request: HTTPConnection) -> Turns:
    """The turns of this request's route. The request counts as one of its caller's texts, so that nobody
    fills them alone. Raises TooManyRequests."""
    take_turn(request)
    turns: dict[str, Turns] = request.app.state.turns
    path: str = request.scope["path"]
    return turns.setdefault(path, Turns(path))


async def in_turn(
    request: HTTPConnection,
    work: Callable[Parameters, Result],
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Result:
    """What `work` returns or raises, when it is the turn of this request.

    Raises EngineBusy, TooManyRequests.
    """
    with turns_of(request).admitted() as turns:
        return await turns.run(work, *args, **kwargs)
