from __future__ import annotations

import pytest

from aion.errors import EngineFailed
from aion.remote.breaker import Breaker


class Watch:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail(breaker: Breaker, n: int = 1) -> None:
    for _ in range(n):
        with breaker.call() as call:
            call.failed("it burns.")


def succeed(breaker: Breaker) -> None:
    with breaker.call() as call:
        call.succeeded()


def opened(clock: Watch) -> Breaker:
    breaker = Breaker("The server", n_failures=3, cool_down_s=30, clock=clock)
    fail(breaker, 3)
    return breaker


def test_it_opens_after_failures_in_a_row_and_says_for_how_long() -> None:
    clock = Watch()
    breaker = opened(clock)
    clock.now += 7.2
    with pytest.raises(EngineFailed) as caught, breaker.call():
        raise AssertionError("no call is made")
    assert caught.value.message == (
        "The server failed 3 times in a row (the last time: it burns) and is not asked again for 23 s."
    )


def test_a_success_between_keeps_it_closed() -> None:
    breaker = Breaker("The server", n_failures=3, clock=Watch())
    for _ in range(5):
        fail(breaker, 2)
        succeed(breaker)
    assert breaker.refusal == ""


def test_one_may_try_after_the_cool_down() -> None:
    clock = Watch()
    breaker = opened(clock)
    clock.now += 30
    with breaker.call() as trial:
        assert "just being tried again" in breaker.refusal
        trial.succeeded()
    assert breaker.refusal == ""
    fail(breaker, 2)
    assert breaker.refusal == ""


def test_a_trial_that_fails_opens_it_again() -> None:
    clock = Watch()
    breaker = opened(clock)
    clock.now += 31
    fail(breaker)
    assert "not asked again for 30 s" in breaker.refusal


def test_a_trial_whose_client_left_leaves_the_next_one_free() -> None:
    clock = Watch()
    breaker = opened(clock)
    clock.now += 31
    with breaker.call():
        pass
    assert breaker.refusal == ""
    fail(breaker)
    assert "not asked again" in breaker.refusal


def test_calls_under_way_when_it_opens_count_too() -> None:
    clock = Watch()
    breaker = Breaker("The server", n_failures=2, cool_down_s=30, clock=clock)
    with breaker.call() as first, breaker.call() as second, breaker.call() as third:
        first.failed("a")
        second.failed("b")
        third.failed("c")
    assert "3 times in a row" in breaker.refusal
