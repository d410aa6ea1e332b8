from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from aion.remote.backoff import Backoff, retry_after

LONGEST = Backoff(5, first_s=0.5, longest_s=3.0, draw=lambda _low, high: high)


def test_waits_double_up_to_the_longest_and_the_tries_end() -> None:
    assert [LONGEST.wait_s(n, None, 100.0) for n in range(1, 7)] == [0.5, 1.0, 2.0, 3.0, 3.0, None]


def test_the_jitter_is_full() -> None:
    waits = [Backoff(1, first_s=1.0).wait_s(1, None, 100.0) for _ in range(200)]
    assert all(wait is not None and 0.0 <= wait <= 1.0 for wait in waits)
    assert min(filter(None, waits)) < 0.2
    assert max(filter(None, waits)) > 0.8


def test_what_the_server_asks_for_is_the_least() -> None:
    assert LONGEST.wait_s(1, 10.0, 100.0) == 10.5
    assert Backoff(1, draw=lambda low, _high: low).wait_s(1, 10.0, 100.0) == 10.0


@pytest.mark.parametrize(("asked", "left"), [(10.0, 10.0), (None, 0.5), (None, -1.0)])
def test_a_wait_longer_than_the_time_left_is_none(asked: float | None, left: float) -> None:
    assert LONGEST.wait_s(1, asked, left) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "-7"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_date_ahead_is_the_time_until_it() -> None:
    told = retry_after({"retry-after": formatdate(time.time() + 100, usegmt=True)})
    assert told is not None
    assert 90 < told <= 100
