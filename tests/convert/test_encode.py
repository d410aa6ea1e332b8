from __future__ import annotations

from typing import Any

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Ggml
from numpy.typing import NDArray

from aion.convert.encode import encode, n_bytes, tensor_type
from aion.errors import CheckpointError
from tests.convert.tiny import from_bf16, to_bf16

F32 = np.random.default_rng(0).normal(size=(8, 64)).astype(np.float32)
STORED: dict[str, NDArray[Any]] = {"f32": F32, "f16": F32.astype(np.float16), "bf16": to_bf16(F32)}
KINDS = [Ggml.F32, Ggml.F16, Ggml.BF16, Ggml.Q8_0, Ggml.Q4_0]


def widened(rows: NDArray[Any]) -> NDArray[np.float32]:
    return from_bf16(rows) if rows.dtype == np.uint16 else rows.astype(np.float32)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("source", STORED)
def test_what_is_stored_becomes_what_gguf_makes_of_its_float32(source: str, kind: Ggml) -> None:
    rows = STORED[source]
    encoded = encode(rows, "a", kind)
    assert encoded.tobytes() == gguf.quantize(widened(rows), kind).tobytes()
    assert encoded.nbytes == n_bytes(rows.shape, kind)


@pytest.mark.parametrize("source", STORED)
@pytest.mark.parametrize(("value", "says"), [(np.nan, "holds NaN"), (np.inf, "Inf"), (-np.inf, "Inf")])
def test_nan_and_inf_are_refused_whatever_they_become(source: str, value: float, says: str) -> None:
    bits = {np.nan: 0x7FC0, np.inf: 0x7F80, -np.inf: 0xFF80}[value]
    rows = STORED[source].copy()
    rows[3, 4] = bits if source == "bf16" else value
    for kind in KINDS:
        with pytest.raises(CheckpointError, match=f"The tensor a holds.*{says[-3:]}"):
            encode(rows, "a", kind)


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        (65505.0, Ggml.F16, "holds 65505, and F16 ends at 65504; use bf16 or f32"),
        (-1e7, Ggml.Q8_0, "holds 1e+07, and Q8_0 ends at 8.31901e+06; use bf16 or f32"),
        (3.4e38, Ggml.BF16, "holds 3.4e+38, and BF16 ends at 3.39618e+38; use f32"),
    ],
)
def test_what_is_too_large_is_refused_with_the_limit(value: float, kind: Ggml, says: str) -> None:
    rows = F32.copy()
    rows[0, 0] = value
    with pytest.raises(CheckpointError) as raised:
        encode(rows, "a", kind)
    assert says in raised.value.message
    assert encode(rows, "a", Ggml.F32) is rows


def test_bf16_refuses_exactly_what_rounds_to_infinity() -> None:
    last, first = (np.full((1, 32), bits, np.uint32).view(np.float32) for bits in (0x7F7F7FFF, 0x7F7F8000))
    assert np.isfinite(from_bf16(encode(last, "a", Ggml.BF16))).all()
    with pytest.raises(CheckpointError, match="ends at"):
        encode(first, "a", Ggml.BF16)


def test_vectors_and_odd_rows_have_their_types() -> None:
    assert tensor_type((64,), "q8_0") is Ggml.F32
    assert tensor_type((4, 64), "q8_0") is Ggml.Q8_0
    assert tensor_type((4, 80), "q8_0") is Ggml.F16
