"""Bodies that stand still or drip give their place back; slow ones that go on come through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message

from aion.server import arrival
from aion.server.arrival import Arrival, BodyTooLarge, BodyTooSlow


def sender(n_bytes: int, pause_s: float) -> Callable[[], Awaitable[Message]]:
    """Sends so many bytes in each message, for ever."""

    async def receive() -> Message:
        await asyncio.sleep(pause_s)
        return {"type": "http.request", "body": bytes(n_bytes), "more_body": True}

    return receive


async def read(body: Arrival) -> None:
    while True:
        await body()


@pytest.mark.parametrize(("n_bytes", "pause_s"), [(1, 60), (1, 0.02), (0, 0)])
def test_what_stands_still_or_drips_is_refused(
    monkeypatch: pytest.MonkeyPatch, n_bytes: int, pause_s: float
) -> None:
    monkeypatch.setattr(arrival, "IDLE_S", 0.1)
    with pytest.raises(BodyTooSlow, match="came too slowly"):
        asyncio.run(read(Arrival(sender(n_bytes, pause_s), 10**9, "")))


def test_what_goes_on_meets_only_the_limit_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "IDLE_S", 0.1)
    body = Arrival(sender(arrival.MIN_BYTES_PER_S, 0.02), 10 * arrival.MIN_BYTES_PER_S, "Too much.")
    with pytest.raises(BodyTooLarge, match="Too much"):
        asyncio.run(read(body))
