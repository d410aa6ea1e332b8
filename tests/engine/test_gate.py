from __future__ import annotations

import threading

import pytest

from aion.engine.gate import ComputeGate
from tests.server.live import wait_until


def test_it_goes_to_who_came_first() -> None:
    gate, order = ComputeGate(), list[int]()

    def compute(n: int) -> None:
        with gate:
            order.append(n)

    threads = [threading.Thread(target=compute, args=(n,)) for n in range(4)]
    with gate:
        for n, thread in enumerate(threads):
            thread.start()
            wait_until(lambda n=n: gate.n_waiting == n + 1, "a thread to wait")  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3]


def test_background_work_waits_until_it_is_quiet() -> None:
    gate, order, begun = ComputeGate(quiet_s=0.2, patience_s=60), list[str](), threading.Event()

    def embed() -> None:
        begun.set()
        with gate.background():
            order.append("documents")

    thread = threading.Thread(target=embed)
    with gate:
        thread.start()
        assert begun.wait(60)
    for _ in range(50):
        with gate:
            order.append("step")
    thread.join()
    assert order == ["step"] * 50 + ["documents"]


def test_background_work_goes_on_under_any_load() -> None:
    gate, done = ComputeGate(patience_s=0.05), threading.Event()

    def embed() -> None:
        for _ in range(3):
            with gate.background():
                pass
        done.set()

    thread = threading.Thread(target=embed)
    thread.start()
    while not done.is_set():
        with gate:
            pass
    thread.join()


def test_a_failed_computation_gives_the_gate_back() -> None:
    gate = ComputeGate()
    for held in (gate, gate.background(), gate):
        with pytest.raises(ValueError, match="of a step"), held:
            raise ValueError("of a step")
