from __future__ import annotations

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Ggml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from aion.convert.q8_0 import quantize_q8_0
from aion.engine.row_quantizer import quantize_rows


def test_random_rows_are_those_of_gguf_and_of_llama_cpp() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(300, 1024)) * np.exp(rng.normal(size=(300, 1)) * 4)).astype(np.float32)
    packed = quantize_q8_0(rows)
    assert packed.shape == (300, 1024 // 32 * 34)
    assert packed.tobytes() == gguf.quantize(rows, Ggml.Q8_0).tobytes()
    assert packed.tobytes() == quantize_rows(rows, Ggml.Q8_0).tobytes()


def test_halves_are_rounded_away_from_zero() -> None:
    halves = np.arange(-126.5, 127, 1, np.float32)
    rows = np.concatenate([halves.reshape(-1, 1), np.full((len(halves), 31), 127, np.float32)], axis=1)
    packed = quantize_q8_0(rows)
    assert (packed[:, 2].view(np.int8) == halves + np.sign(halves) / 2).all()
    assert packed.tobytes() == quantize_rows(rows, Ggml.Q8_0).tobytes()


# below 1e-36 gguf divides by a scale that is nearly nothing, and warns
WEIGHTS = st.floats(-(2.0**22), 2.0**22, width=32).map(lambda x: x if abs(x) > 1e-36 else 0.0)


@given(arrays(np.float32, (2, 64), elements=WEIGHTS))
def test_any_block_is_that_of_gguf(rows: NDArray[np.float32]) -> None:
    assert quantize_q8_0(rows).tobytes() == gguf.quantize(rows, Ggml.Q8_0).tobytes()


def test_nothing_and_what_is_nearly_nothing() -> None:
    assert quantize_q8_0(np.zeros((0, 32), np.float32)).shape == (0, 34)
    assert not quantize_q8_0(np.zeros((2, 32), np.float32)).any()
    tiny = quantize_q8_0(np.full((1, 32), 1e-44, np.float32))
    assert not gguf.dequantize(tiny, Ggml.Q8_0).any()
