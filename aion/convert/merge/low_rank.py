"""What a LoRA or DoRA pair makes of the rows of a weight. Knows arrays only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from aion.convert.lora.pairs import F32, LoraPair

Rows = Callable[[int, int], F32]
_BLOCK_VALUES = 1 << 19


def blocks(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Begin and end of runs of rows of about `_BLOCK_VALUES` values."""
    n_rows, step = shape[0], max(1, _BLOCK_VALUES // max(1, shape[1]))
    return [(begin, min(begin + step, n_rows)) for begin in range(0, n_rows, step)]


def merged(source: Rows, pair: LoraPair, shape: tuple[int, int]) -> Rows:
    """The rows of W + scale * B A, W's being `source`; with a magnitude m (DoRA, arXiv:2402.09353, eq. 5)
    m * (W + scale * B A) / ||W + scale * B A||, the norm of each output over its inputs.

    The outputs of a linear module are W's rows. An embedding's are the columns of its table, so for them
    the table is read twice.
    """
    left, right = (pair.a.T, pair.b.T) if pair.is_embedding else (pair.b, pair.a)
    added = partial(_added, source, left, right * np.float32(pair.scale))
    if pair.magnitude is None:
        return added
    if pair.is_embedding:
        return partial(_scaled_columns, added, pair.magnitude / _column_norms(added, shape))
    return partial(_with_norms, added, pair.magnitude)


def _added(source: Rows, left: F32, right: F32, begin: int, end: int) -> F32:
    return np.asarray(source(begin, end) + left[begin:end] @ right)


def _with_norms(source: Rows, magnitude: F32, begin: int, end: int) -> F32:
    rows = source(begin, end)
    return np.asarray(rows * (magnitude[begin:end] / np.linalg.norm(rows, axis=1))[:, None])


def _scaled_columns(source: Rows, factors: NDArray[np.float32], begin: int, end: int) -> F32:
    return np.asarray(source(begin, end) * factors)


def _column_norms(source: Rows, shape: tuple[int, int]) -> NDArray[np.float32]:
    squares = np.zeros(shape[1])
    for begin, end in blocks(shape):
        squares += np.square(source(begin, end), dtype=np.float64).sum(0)
    return np.asarray(np.sqrt(squares), np.float32)
