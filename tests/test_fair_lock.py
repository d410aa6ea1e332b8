from __future__ import annotations

import threading

from aion.fair_lock import FairLock
from tests.server.live import wait_until


def test_who_waits_longest_is_next_and_a_long_one_lets_others_go_first() -> None:
    turns, order = FairLock(), list[str]()

    def take(name: str) -> None:
        with turns:
            order.append(name)

    threads = [threading.Thread(target=take, args=(name,)) for name in "abc"]
    with turns:
        for n, thread in enumerate(threads):
            thread.start()
            wait_until(lambda n=n: turns.n_waiting == n + 1, "a thread to wait")  # type: ignore[misc]
        order.append("long, first half")
        turns.pass_on()
        order.append("long, second half")
    for thread in threads:
        thread.join()
    assert order == ["long, first half", "a", "b", "c", "long, second half"]


def test_a_turn_ends_when_it_fails() -> None:
    turns = FairLock()
    for _ in range(2):
        try:
            with turns:
                raise ValueError
        except ValueError:
            pass
    assert turns.n_waiting == 0
