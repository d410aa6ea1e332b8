"""Walks a grammar before anybody waits for it, to see whether it is too ambiguous to be followed.

llama.cpp keeps every way in which a text so far can be read. In `s ::= "(" s ")" | "(" s "]" | "x"` their
number doubles with each "(": after twenty a character takes seconds, in which nobody else gets a token.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aion.engine.candidates import Candidates
from aion.engine.library import lib

_N_CHARS = 40
_SLOW_S = 0.02
_ALL_S = 0.2
_N_STARTS = 5
_GROWTH = 4.0
_GROWTH_CHARS = 4


def is_too_ambiguous(handle: Any, tokens: Sequence[int]) -> bool:
    """Whether some text of the grammar comes to where a character takes over 20 ms of the CPU, and many times
    what it took four before. `tokens` are those of single ASCII characters; the grammar sampler `handle` is
    at its beginning afterwards.

    The texts repeat a character for as long as they can, which is where readings multiply, some of them
    after a few others. What is slow once may have had to wait for memory, so it is walked again.
    """
    until = time.thread_time() + _ALL_S
    try:
        return any(
            _explodes(handle, walk(), until) and _explodes(handle, walk(), time.thread_time() + _ALL_S)
            for walk in _walks(handle, np.array(tokens, np.int32))
        )
    finally:
        lib.llama_sampler_reset(handle)


def _walks(handle: Any, tokens: NDArray[np.int32]) -> Iterator[Callable[[], Iterator[int]]]:
    candidates = Candidates(tokens)
    first = _allowed(handle, candidates)
    for n_others in (0, 4, 9):
        for start in first[:: max(1, len(first) // _N_STARTS)]:
            yield partial(_walk, handle, candidates, start, n_others)


def _walk(handle: Any, candidates: Candidates, token: int, n_others: int) -> Iterator[int]:
    """Tokens one after the other, each allowed once the former was accepted; after `n_others` they repeat."""
    lib.llama_sampler_reset(handle)
    for n in range(_N_CHARS):
        yield token
        allowed = _allowed(handle, candidates)
        if not allowed:
            return
        if n < n_others or token not in allowed:
            token = allowed[(7 * n + n_others) % len(allowed)]


def _explodes(handle: Any, walk: Iterator[int], until: float) -> bool:
    started, seconds = time.thread_time(), list[float]()
    for token in walk:
        lib.llama_sampler_accept(handle, token)
        now = time.thread_time()
        seconds.append(now - started)
        before = seconds[-_GROWTH_CHARS - 1] if len(seconds) > _GROWTH_CHARS else 0.0
        if seconds[-1] > max(_SLOW_S, _GROWTH * before):
            return len(seconds) > _GROWTH_CHARS
        if now > until:
            return False
        started = now
    return False


def _allowed(handle: Any, candidates: Candidates) -> list[int]:
    candidates.fill(0.0)
    lib.llama_sampler_apply(handle, ctypes.byref(candidates.array))
    return [int(token) for token in candidates.possible()]
