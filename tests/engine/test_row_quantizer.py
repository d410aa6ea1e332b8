from __future__ import annotations

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Ggml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aion.engine.row_quantizer import quantize_rows
from aion.errors import ModelError
from aion.types import RowQuantizer

ROWS = np.random.default_rng(0).normal(size=(6, 512)).astype(np.float32)
EXACT = [Ggml.F32, Ggml.F16, Ggml.BF16, Ggml.Q8_0, Ggml.Q4_0, Ggml.Q4_1, Ggml.Q5_0, Ggml.Q5_1]
# root mean square error of standard normal rows, as a share of their own
BOUNDS = {
    Ggml.Q2_K: 0.4, Ggml.Q3_K: 0.2, Ggml.Q4_K: 0.1, Ggml.Q5_K: 0.05, Ggml.Q6_K: 0.025, Ggml.IQ4_XS: 0.1,
    Ggml.IQ4_NL: 0.1, Ggml.IQ3_S: 0.2, Ggml.IQ3_XXS: 0.3, Ggml.IQ2_S: 0.5, Ggml.TQ1_0: 1.0, Ggml.TQ2_0: 1.0,
}  # fmt: skip


@pytest.mark.parametrize("kind", EXACT, ids=lambda kind: kind.name)
def test_the_simple_types_are_those_of_gguf_bit_for_bit(kind: Ggml) -> None:
    quantizer: RowQuantizer = quantize_rows
    assert quantizer(ROWS, kind).tobytes() == gguf.quantize(ROWS, kind).tobytes()


@pytest.mark.parametrize(("kind", "bound"), BOUNDS.items(), ids=lambda value: getattr(value, "name", None))
def test_the_others_stay_near_the_rows(kind: Ggml, bound: float) -> None:
    packed = quantize_rows(ROWS, int(kind))
    error = np.asarray(gguf.dequantize(packed, kind)) - ROWS
    assert 0 < np.sqrt((error**2).mean() / (ROWS**2).mean()) < bound


@pytest.mark.parametrize("kind", [Ggml.Q4_K, Ggml.Q6_K, Ggml.IQ4_XS], ids=lambda kind: kind.name)
def test_rows_cut_into_pieces_are_the_same_bytes(kind: Ggml) -> None:
    whole, pieces = quantize_rows(ROWS, kind), [quantize_rows(ROWS[i : i + 1], kind) for i in range(6)]
    assert np.concatenate(pieces).tobytes() == whole.tobytes()
    assert quantize_rows(np.asfortranarray(ROWS), kind).tobytes() == whole.tobytes()
    assert quantize_rows(ROWS[:0], kind).shape == (0, whole.shape[1])


# below 1e-36 gguf divides by a scale that is nearly nothing, and warns
WEIGHTS = st.floats(-(2.0**20), 2.0**20, width=32).map(lambda x: x if abs(x) > 1e-36 else 0.0)


@given(arrays(np.float32, (2, 32), elements=WEIGHTS))
def test_any_block_of_q8_0_is_that_of_gguf(rows: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    assert quantize_rows(rows, Ggml.Q8_0).tobytes() == gguf.quantize(rows, Ggml.Q8_0).tobytes()


@pytest.mark.parametrize(
    ("rows", "kind", "says"),
    [
        (ROWS[:, :100], Ggml.Q4_K, "Rows of 100 values are no multiple of Q4_K's 256"),
        (ROWS, Ggml.IQ1_S, "IQ1_S needs an importance matrix; use one of bf16"),
        (ROWS, 9999, "ggml type 9999; use one of"),
        (ROWS, Ggml.I32, "ggml type 26; use one of"),
        (np.full((1, 256), np.nan, np.float32), Ggml.Q4_K, "NaN or Inf cannot be stored as Q4_K"),
    ],
)
def test_what_cannot_be_is_refused(
    rows: np.ndarray[tuple[int, int], np.dtype[np.float32]], kind: int, says: str
) -> None:
    with pytest.raises(ModelError) as raised:
        quantize_rows(rows, kind)
    assert says in raised.value.message
