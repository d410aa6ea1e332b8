"""Chunks made by a few threads at once and handed on in their order. Knows neither tensors nor files.

numpy computes and reads outside the interpreter's lock, so threads are enough.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Chunk = Array | Callable[[], Array]

N_THREADS = min(4, os.cpu_count() or 1)
_N_AHEAD = 3 * N_THREADS


def in_order(chunks: Iterable[tuple[int, Chunk]]) -> Iterator[tuple[int, Array]]:
    """The same pairs, every function replaced by what it returned. At most a few functions are under way
    or waiting to be taken; an array is passed on before the next pair is asked for. The first exception
    of a function is raised in its turn, and the rest are dropped."""
    pending: deque[tuple[int, Future[Array]]] = deque()
    pool = ThreadPoolExecutor(N_THREADS, "aion-convert")
    try:
        for number, chunk in chunks:
            if callable(chunk):
                pending.append((number, pool.submit(chunk)))
                if len(pending) >= _N_AHEAD:
                    yield _taken(pending)
                continue
            while pending:
                yield _taken(pending)
            yield number, chunk
        while pending:
            yield _taken(pending)
    finally:
        pool.shutdown(cancel_futures=True)


def _taken(pending: deque[tuple[int, Future[Array]]]) -> tuple[int, Array]:
    number, future = pending.popleft()
    return number, future.result()
