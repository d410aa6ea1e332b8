"""Server-sent events on the wire: frames out as they come, pings between, an end for clients that went away.

Knows nothing of what the events say. One write a frame, and nothing else is done for it, because frames are
sent for every step of every stream while the same cores compute the next ones.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aion.server.disconnect import gone
from aion.server.wire.connection import DROP, FILLER

PING_S = 15.0
SEND_TIMEOUT_S = 30.0
_LAST_WORDS_S = 1.0

_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_PING = b": ping\n\n"


def frame(data: object, event: str | None = None) -> bytes:
    """One event; `data` is sent as JSON, a str as it is (it must be of one line)."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    told = f"event: {event}\ndata: {text}\n\n" if event else f"data: {text}\n\n"
    return told.encode(errors="replace")  # halves of surrogate pairs that a client sent


class EventStream(Response):
    """Sends `frames`, each one or more whole events, and closes them at its end.

    `last_words` is sent when the server stops before the frames have ended. A client that reads nothing for
    `send_timeout_s` is dropped. Used once, by the task of its request.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        *,
        last_words: bytes,
        headers: Mapping[str, str] | None = None,
        ping_s: float = PING_S,
        send_timeout_s: float = SEND_TIMEOUT_S,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({**_HEADERS, **(headers or {})})
        self._frames = frames
        self._last_words = last_words
        self._ping_s = ping_s
        self._send_timeout_s = send_timeout_s
        self._sent_at = time.monotonic()
        self._is_sending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _extension(scope, FILLER)(_PING)
        tasks = [asyncio.create_task(work) for work in (self._write(send), gone(receive), self._watch(send))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                tasks[0].result()
            elif tasks[2].done():
                tasks[2].result()
                _drop(scope)
        except asyncio.CancelledError:
            _cancel(tasks)
            await self._say_last_words(scope, send)  # at once: what ends a generation may take longer
            raise
        finally:
            _cancel(tasks)
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._frames.aclose()

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for data in self._frames:
            self._is_sending = True
            await send(_body(data))
            self._is_sending = False
            self._sent_at = time.monotonic()
        await send(_body(b"", more=False))

    async def _say_last_words(self, scope: Scope, send: Send) -> None:
        """Who does not read them holds up no end."""
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                await send(_body(self._last_words, more=False))
        except (TimeoutError, asyncio.CancelledError):
            _drop(scope)

    async def _watch(self, send: Send) -> None:
        """Ping a quiet stream; return when the client has read nothing for too long."""
        while True:
            await asyncio.sleep(min(self._ping_s, self._send_timeout_s) / 2)
            quiet_s = time.monotonic() - self._sent_at
            if self._is_sending and quiet_s >= self._send_timeout_s:
                return
            if not self._is_sending and quiet_s >= self._ping_s:
                self._sent_at = time.monotonic()
                await send(_body(_PING))


def _drop(scope: Scope) -> None:
    """End the connection now; where the server cannot, it ends with the response."""
    _extension(scope, DROP)()


def _extension(scope: Scope, name: str) -> Callable[..., object]:
    """A function of the server's; one that does nothing where another server has none."""
    found: Callable[..., object] = scope.get("extensions", {}).get(name, lambda *_: None)
    return found


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Once each: a second time would reach what they do at their end."""
    for task in tasks:
        if not task.cancelling():
            task.cancel()


def _body(data: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}
