from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aion.convert.pipeline import N_THREADS, Chunk, in_order


def late(number: int) -> NDArray[Any]:
    time.sleep(0.002 * (number % 3))
    return np.array([number])


def test_chunks_come_in_order_whatever_they_are() -> None:
    chunks = [(i, partial(late, i) if i % 5 else np.array([i])) for i in range(60)]
    assert [(number, int(array[0])) for number, array in in_order(chunks)] == [(i, i) for i in range(60)]


def test_only_a_few_are_made_ahead() -> None:
    asked: list[int] = []

    def chunks() -> Iterator[tuple[int, Chunk]]:
        for i in range(100):
            asked.append(i)
            yield i, partial(late, i)

    for number, _ in in_order(chunks()):
        assert len(asked) <= number + 3 * N_THREADS


def test_an_array_is_passed_on_before_the_next_is_asked_for() -> None:
    asked: list[int] = []

    def chunks() -> Iterator[tuple[int, Chunk]]:
        for i in range(5):
            asked.append(i)
            yield i, np.array([i])

    assert [len(asked) for _ in in_order(chunks())] == [1, 2, 3, 4, 5]


def test_an_exception_comes_in_its_turn_and_ends_the_rest() -> None:
    ran: list[int] = []

    def made(number: int) -> NDArray[Any]:
        ran.append(number)
        if number == 7:
            raise ValueError("seven")
        return np.array([number])

    work: list[tuple[int, Callable[[], NDArray[Any]]]] = [(i, partial(made, i)) for i in range(1000)]
    taken: list[int] = []
    with pytest.raises(ValueError, match="seven"):
        taken.extend(number for number, _ in in_order(work))
    assert taken == list(range(7))
    assert len(ran) < 100
    assert not [t for t in threading.enumerate() if t.name.startswith("aion-convert")]
