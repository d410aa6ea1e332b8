"""A peer that sends nothing more may still read its answer, or have gone: both look the same until something
is sent to it, which one that has gone refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_FIRST_S = 0.05
_MOST_S = 1.0


class StillThere:
    """Sends what `nothing` gives, time and again, until `end`: bytes that say nothing in the answer under
    way. The second after the peer has gone cannot be sent, and the transport is lost by it."""

    def __init__(self, transport: asyncio.WriteTransport, nothing: Callable[[], bytes]) -> None:
        self._transport = transport
        self._nothing = nothing
        self._wait_s = _FIRST_S
        self._timer = asyncio.get_running_loop().call_later(_FIRST_S, self._ask)

    def _ask(self) -> None:
        if data := self._nothing():
            self._transport.write(data)
        self._timer = asyncio.get_running_loop().call_later(self._wait_s, self._ask)
        self._wait_s = min(2 * self._wait_s, _MOST_S)

    def end(self) -> None:
        self._timer.cancel()
