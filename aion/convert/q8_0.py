"""ggml's Q8_0: blocks of 32 weights as one float16 scale and 32 signed bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
BLOCK_BYTES = 34
_AT_ONCE = 4096  # blocks: the scratch of so many stays in a core's second-level cache
_BELOW_HALF = np.nextafter(np.float32(0.5), np.float32(0))


def quantize_q8_0(rows: NDArray[np.float32]) -> NDArray[np.uint8]:
    """`rows` (..., k), k a multiple of 32, finite, to bytes (..., k / 32 * 34).

    Bit for bit ggml's quantize_row_q8_0_ref: scale d = max|x| / 127, each weight round(x * (1 / d)) with
    halves away from zero.
    """
    blocks = rows.reshape(-1, BLOCK)
    out = np.empty((len(blocks), BLOCK_BYTES), np.uint8)
    n = min(len(blocks), _AT_ONCE)
    scaled, turned = np.empty((n, BLOCK), np.float32), np.empty((BLOCK, n), np.float32)
    for begin in range(0, len(blocks), max(n, 1)):
        x = blocks[begin : begin + n]
        _quantize(x, out[begin : begin + n], scaled[: len(x)], turned[:, : len(x)])
    return out.reshape(*rows.shape[:-1], rows.shape[-1] // BLOCK * BLOCK_BYTES)


def _quantize(
    x: NDArray[np.float32],
    out: NDArray[np.uint8],
    scaled: NDArray[np.float32],
    turned: NDArray[np.float32],
) -> None:
    """Maxima are taken down the columns of the turned blocks: numpy is slow along rows of 32."""
    np.abs(x, out=scaled)
    np.copyto(turned, scaled.T)
    d = turned.max(axis=0) / np.float32(127)
    with np.errstate(divide="ignore", over="ignore"):
        inverse = 1 / d
    inverse[np.isinf(inverse)] = 0
    np.multiply(x, inverse[:, None], out=scaled)
    # Adding the float just below a half and cutting off rounds halves away from zero, and nothing else up.
    scaled += np.copysign(_BELOW_HALF, scaled)
    np.copyto(out[:, 2:].view(np.int8), scaled, casting="unsafe")
    out[:, :2] = d.astype("<f2").view(np.uint8).reshape(-1, 2)
