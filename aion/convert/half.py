"""Conversions of the 16-bit floats, vectorised. bfloat16 is kept as uint16, its bits.

Nothing is checked here: the callers refuse NaN, Inf and what is too large (see `encode`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

U16 = NDArray[np.uint16]
F16 = NDArray[np.float16]
F32 = NDArray[np.float32]

_SIGN, _MAGNITUDE = np.uint16(0x8000), np.uint16(0x7FFF)
_NORMAL_IN_F16 = np.uint16(0x3880)  # 2**-14 as bfloat16: below it float16 has fewer bits than bfloat16
_REBIAS = np.uint16((127 - 15) << 7)
_MOSTLY = 1 / 16


def bf16_to_f32(bits: U16) -> F32:
    """Exact."""
    wide = bits.astype(np.uint32)
    wide <<= 16
    return wide.view(np.float32)


def f32_to_bf16(values: F32) -> U16:
    """Rounded to nearest, ties to even."""
    bits = values.view(np.uint32)
    up = bits >> 16
    up &= 1
    up += 0x7FFF
    up += bits
    up >>= 16
    return up.astype(np.uint16)


def bf16_to_f16(bits: U16) -> F16:
    """As through float32, rounded to nearest, ties to even; magnitudes up to 65504.

    From 2**-14 on, float16 holds every bfloat16, and only the exponent's bias changes: integer operations
    on all values, and the smaller ones, few in a model's weights, once more through float32.
    """
    out = bits & _MAGNITUDE
    small = np.flatnonzero((out < _NORMAL_IN_F16).reshape(-1))
    if small.size > _MOSTLY * out.size:
        return bf16_to_f32(bits).astype(np.float16)
    out -= _REBIAS
    out <<= 3
    out |= bits & _SIGN
    halves = out.view(np.float16)
    halves.reshape(-1)[small] = bf16_to_f32(bits.reshape(-1)[small]).astype(np.float16)
    return halves
