from __future__ import annotations

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Ggml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from aion.convert.half import bf16_to_f16, bf16_to_f32, f32_to_bf16

EVERY_BF16 = np.arange(1 << 16, dtype=np.uint16)
FINITE = st.floats(-(2.0**127), 2.0**127, width=32)


def test_every_bf16_is_the_upper_half_of_its_float32() -> None:
    wide = bf16_to_f32(EVERY_BF16)
    assert (wide.view(np.uint32) == EVERY_BF16.astype(np.uint32) << 16).all()


@pytest.mark.parametrize("n_ones", [0, 1 << 20], ids=["many-small", "few-small"])
def test_every_bf16_to_f16_is_numpys_of_its_float32(n_ones: int) -> None:
    """Among many ones the small values take the other path."""
    bits = EVERY_BF16[np.abs(np.nan_to_num(bf16_to_f32(EVERY_BF16), nan=np.inf)) <= 65504]
    bits = np.concatenate([bits, np.full(n_ones, 0x3F80, np.uint16)])
    before = bits.copy()
    assert bf16_to_f16(bits).tobytes() == bf16_to_f32(bits).astype(np.float16).tobytes()
    assert (bits == before).all()


@given(arrays(np.float32, (3, 32), elements=FINITE))
def test_f32_to_bf16_is_that_of_gguf(values: NDArray[np.float32]) -> None:
    assert f32_to_bf16(values).tobytes() == gguf.quantize(values, Ggml.BF16).tobytes()


def test_ties_go_to_even() -> None:
    ties = np.array([0x3F808000, 0x3F818000, 0x3F808001, 0x3F817FFF], np.uint32).view(np.float32)
    assert f32_to_bf16(ties).tolist() == [0x3F80, 0x3F82, 0x3F81, 0x3F81]
