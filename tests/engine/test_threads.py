"""The governor alone, on a machine whose speed is a formula and whose clock is a number."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.engine.threads import ThreadGovernor

Speed = Callable[[int], float]


class Machine:
    """Steps of one token; `speed` gives the seconds of a step for a number of threads."""

    def __init__(self, n_most: int, speed: Speed) -> None:
        self.now = 0.0
        self.speed = speed
        self.governor = ThreadGovernor(n_most, lambda: self.now)

    def run(self, seconds: float) -> dict[int, float]:
        """Time spent with each number of threads."""
        spent: dict[int, float] = {}
        end = self.now + seconds
        while self.now < end:
            n = self.governor.n
            took = self.speed(n)
            self.now += took
            spent[n] = spent.get(n, 0.0) + took
            self.governor.observe(1, took)
        return spent


def idle(n: int) -> float:
    return 0.02 / n


def contended(n: int) -> float:
    """Another program has one of two cores: two threads wait for each other."""
    return 0.3 if n > 1 else 0.025


def tiny(n: int) -> float:
    """Too little to share out."""
    return 0.001 + 0.0005 * n


def test_an_idle_machine_gets_all_threads() -> None:
    machine = Machine(4, idle)
    spent = machine.run(120)
    assert spent[4] > 0.95 * 120


def test_a_busy_machine_gets_fewer_within_seconds() -> None:
    machine = Machine(2, idle)
    machine.run(40)
    machine.speed = contended
    machine.run(6)
    spent = machine.run(60)
    assert spent[1] > 0.8 * 60


def test_all_threads_come_back() -> None:
    machine = Machine(2, contended)
    machine.run(60)
    machine.speed = idle
    machine.run(60)
    assert machine.run(60)[2] > 0.95 * 60


@pytest.mark.parametrize("n_most", [2, 8])
def test_a_tiny_model_gets_one(n_most: int) -> None:
    machine = Machine(n_most, tiny)
    machine.run(30)
    assert machine.run(60)[1] > 0.9 * 60


def test_one_core_is_never_changed() -> None:
    assert set(Machine(1, idle).run(20)) == {1}


@given(st.integers(1, 64), st.lists(st.tuples(st.integers(1, 512), st.floats(1e-4, 2.0)), max_size=80))
def test_it_stays_within_its_bounds(n_most: int, steps: list[tuple[int, float]]) -> None:
    machine = Machine(n_most, idle)
    for n_tokens, seconds in steps:
        machine.now += seconds
        machine.governor.observe(n_tokens, seconds)
        assert 1 <= machine.governor.n <= n_most
