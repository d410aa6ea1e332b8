"""Only so much runs at once, only so much waits, and a thread keeps its turn until it has ended."""

from __future__ import annotations

import asyncio
import threading

import pytest

from aion.errors import EngineBusy
from aion.server.access.rates.turns import Turns


class Work:
    """Threads that stay until a test lets them go."""

    def __init__(self) -> None:
        self.n_running = 0
        self.most = 0
        self._lock = threading.Lock()
        self.gate = threading.Event()

    def __call__(self, value: int) -> int:
        with self._lock:
            self.n_running += 1
            self.most = max(self.most, self.n_running)
        self.gate.wait(30)
        with self._lock:
            self.n_running -= 1
        return value


async def until(work: Work, n_running: int) -> None:
    async with asyncio.timeout(30):
        while work.n_running != n_running:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def asked(turns: Turns, work: Work, value: int) -> int:
    with turns.admitted():
        return await turns.run(work, value)


def test_more_than_run_at_once_wait_and_all_are_done() -> None:
    async def ask(work: Work) -> list[int]:
        turns = Turns("things", n_at_once=2, n_waiting=10)
        tasks = [asyncio.create_task(asked(turns, work, n)) for n in range(8)]
        await until(work, 2)
        work.gate.set()
        return await asyncio.gather(*tasks)

    work = Work()
    assert asyncio.run(ask(work)) == list(range(8))
    assert work.most == 2


def test_more_than_may_wait_are_told_to_come_back() -> None:
    async def ask(work: Work) -> None:
        turns = Turns("things", n_at_once=1, n_waiting=1)
        tasks = [asyncio.create_task(asked(turns, work, n)) for n in range(2)]
        await until(work, 1)
        with pytest.raises(EngineBusy, match="2 requests of things are under way"):
            await asked(turns, work, 3)
        work.gate.set()
        assert await asyncio.gather(*tasks) == [0, 1]
        assert await asked(turns, work, 3) == 3
        assert turns.n_admitted == 0

    asyncio.run(ask(Work()))


def test_one_whose_client_left_keeps_its_turn_until_its_thread_has_ended() -> None:
    async def ask(work: Work) -> None:
        turns = Turns("things", n_at_once=1, n_waiting=10)
        for n in range(5):
            task = asyncio.create_task(asked(turns, work, n))
            await until(work, 1)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert turns.n_admitted == 0
        last = asyncio.create_task(asked(turns, work, 9))
        work.gate.set()
        assert await last == 9
        assert work.most == 1

    asyncio.run(ask(Work()))


def test_a_thread_that_cannot_be_had_gives_its_turn_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def ask() -> int:
        turns = Turns("things", n_at_once=1, n_waiting=0)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError):
                await turns.run(lambda: 1)
        async with asyncio.timeout(30):
            return await turns.run(lambda: 2)

    assert asyncio.run(ask()) == 2


def test_what_fails_gives_its_turn_back() -> None:
    async def ask() -> None:
        turns = Turns("things", n_at_once=1, n_waiting=0)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError), turns.admitted():
                await turns.run(lambda: 1 // 0)

    asyncio.run(ask())
