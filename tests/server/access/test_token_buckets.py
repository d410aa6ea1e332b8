"""Buckets by a clock that a test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.server.access.rates.token_buckets import Rate, TokenBuckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def buckets(clock: Clock) -> TokenBuckets:
    return TokenBuckets(clock, n_most=100)


def admitted(buckets: TokenBuckets, name: str, rate: Rate) -> bool:
    is_there = buckets.look(name, rate).is_given
    assert buckets.take(name, rate).is_given == is_there
    return is_there


def test_the_burst_is_a_quarter_of_a_minute_and_ten_at_least() -> None:
    assert [Rate(n).burst for n in (1, 40, 300, 1200)] == [10, 10, 75, 300]


def test_a_full_bucket_gives_its_burst_and_then_what_flows_in(buckets: TokenBuckets, clock: Clock) -> None:
    rate = Rate(60)
    assert [admitted(buckets, "a", rate) for _ in range(20)] == [True] * 15 + [False] * 5
    clock.now += 1.0
    assert [admitted(buckets, "a", rate) for _ in range(2)] == [True, False]
    assert admitted(buckets, "b", rate)


def test_it_tells_what_is_left_and_when_it_is_full(buckets: TokenBuckets) -> None:
    allowance = buckets.take("a", Rate(60))
    assert (allowance.n_left, allowance.wait_s, allowance.full_s) == (14, 0.0, 1.0)
    for _ in range(13):
        buckets.take("a", Rate(60))
    last, refused = buckets.take("a", Rate(60)), buckets.take("a", Rate(60))
    assert (last.is_given, last.n_left, last.full_s) == (True, 0, 15.0)
    assert (refused.is_given, refused.n_left, refused.wait_s, refused.full_s) == (False, 0, 1.0, 15.0)


def test_a_fine_may_be_a_debt_of_a_minute_at_most(buckets: TokenBuckets, clock: Clock) -> None:
    rate = Rate(60)
    for _ in range(100):
        buckets.fine("a", rate, 10)
    assert buckets.look("a", rate).wait_s == pytest.approx(61)
    clock.now += 61.001
    assert admitted(buckets, "a", rate)


def test_memory_is_bounded(buckets: TokenBuckets) -> None:
    for n in range(1000):
        buckets.take(str(n), Rate(60))
    assert len(buckets) == 100


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 600))
def test_never_more_than_the_burst_and_what_flowed_in(pauses: list[float], per_minute: int) -> None:
    clock, rate = Clock(), Rate(per_minute)
    buckets, n_admitted = TokenBuckets(clock), 0
    for pause in pauses:
        clock.now += pause
        n_admitted += admitted(buckets, "a", rate)
    assert n_admitted <= rate.burst + sum(pauses) / rate.interval_s + 1e-6
