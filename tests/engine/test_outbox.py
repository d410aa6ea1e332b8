from __future__ import annotations

import asyncio
import threading

from aion.engine.outbox import Events, Outbox
from aion.types import Delta


def test_everything_arrives_in_order_whoever_sends() -> None:
    async def run() -> list[list[str]]:
        outbox = Outbox(asyncio.get_running_loop())
        queues: list[Events] = [asyncio.Queue() for _ in range(4)]

        def send(k: int) -> None:
            for n in range(500):
                outbox.put(queues[k], Delta(str(n)))

        threads = [threading.Thread(target=send, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        found = [[event.text async for event in first(queue, 500)] for queue in queues]
        for thread in threads:
            thread.join()
        return found

    assert asyncio.run(run()) == [[str(n) for n in range(500)]] * 4


async def first(queue: Events, n: int):  # type: ignore[no-untyped-def]
    for _ in range(n):
        event = await asyncio.wait_for(queue.get(), 60)
        assert isinstance(event, Delta)
        yield event


def test_a_step_wakes_the_loop_once() -> None:
    async def run() -> int:
        loop = asyncio.get_running_loop()
        woken = 0
        original = loop.call_soon_threadsafe

        def count(*args: object, **kwargs: object) -> object:
            nonlocal woken
            woken += 1
            return original(*args, **kwargs)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = count  # type: ignore[method-assign, assignment]
        outbox = Outbox(loop)
        queues: list[Events] = [asyncio.Queue() for _ in range(8)]
        for queue in queues:
            outbox.put(queue, Delta("a"))
        assert [(await queue.get()) for queue in queues] == [Delta("a")] * 8
        return woken

    assert asyncio.run(run()) == 1


def test_an_ended_loop_is_no_error() -> None:
    loop = asyncio.new_event_loop()
    queue: Events = asyncio.Queue()
    outbox = Outbox(loop)
    loop.close()
    outbox.put(queue, Delta("a"))
