from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aion.convert.safetensors import SafetensorsFile
from aion.errors import CheckpointError
from tests.convert.tiny import from_bf16, safetensors, to_bf16, write_raw, write_safetensors

A = np.arange(6, dtype="<f4").reshape(2, 3)
B = np.ones(4, "<f4")


def test_every_stored_type_becomes_float32_exactly(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).normal(size=(3, 5)).astype("<f4")
    stored = {"a": drawn, "b": drawn.astype("<f2"), "c": to_bf16(drawn)}
    write_safetensors(tmp_path / "m.safetensors", stored)
    file = SafetensorsFile(tmp_path / "m.safetensors")
    assert file.f32("a").tobytes() == drawn.tobytes()
    assert file.f32("b").tobytes() == stored["b"].astype("<f4").tobytes()
    assert file.f32("c").tobytes() == from_bf16(stored["c"]).tobytes()
    assert {file.f32(name).dtype for name in "abc"} == {np.dtype("<f4")}


def test_rows_are_read_as_they_are_stored(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "m.safetensors", {"a": A, "b": to_bf16(B), "e": A[:0]})
    file = SafetensorsFile(tmp_path / "m.safetensors")
    assert file.read("a", 1, 2).tolist() == A[1:2].tolist()
    assert file.read("b", 1, 4).tobytes() == to_bf16(B)[1:4].tobytes()
    assert file.read_bytes("a", 4, 12).tobytes() == A.tobytes()[4:12]
    assert file.read("e", 0, 0).shape == (0, 3)


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write_safetensors(path, {"a": A, "b": B})
    file = SafetensorsFile(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"m\.safetensors was cut off while b was read"):
        file.read("b", 0, 4)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"m\.safetensors cannot be read \(No such file"):
        file.read("a", 0, 1)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write_safetensors(path, {"a": A, "b": B})
    whole = path.read_bytes()
    for n_bytes in (0, 5, 40, len(whole) - 1):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(CheckpointError, match=r"m\.safetensors .*copy it again"):
            SafetensorsFile(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data_offsets": [0, 999]}, "gives a 999 bytes, but F32 of shape [2, 3] takes 24"),
        ({"data_offsets": [4, 28]}, "places"),
        ({"data_offsets": [-24, 0]}, "places a at byte -24 where 0 was due"),
        ({"shape": [2, 4]}, "gives a 24 bytes, but F32 of shape [2, 4] takes 32"),
        ({"shape": [-2, -3]}, "shape [-2, -3]"),
        ({"dtype": "F4"}, "holds a as 'F4', which is unknown"),
        ({"data_offsets": [0, float("inf")]}, "a header that is not safetensors' JSON"),
        ({"data_offsets": "no"}, "a header that is not safetensors' JSON"),
    ],
)
def test_a_lying_header_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    header, data = safetensors({"a": A, "b": B})
    header["a"] |= change
    write_raw(tmp_path / "m.safetensors", header, data)
    with pytest.raises(CheckpointError) as raised:
        SafetensorsFile(tmp_path / "m.safetensors")
    assert says in raised.value.message


def test_bytes_that_no_tensor_owns_are_refused(tmp_path: Path) -> None:
    header, data = safetensors({"a": A})
    write_raw(tmp_path / "m.safetensors", header, data + b"1234")
    with pytest.raises(CheckpointError, match="describes 24 bytes of tensors but holds 28"):
        SafetensorsFile(tmp_path / "m.safetensors")


def test_a_quantised_tensor_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    header = {"a": {"dtype": "I32", "shape": [2], "data_offsets": [0, 8]}}
    write_raw(tmp_path / "m.safetensors", header, bytes(8))
    file = SafetensorsFile(tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match=r"holds a as I32.*before quantisation"):
        file.f32("a")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_checkpoint_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "m.safetensors"
    for content in (data, len(data).to_bytes(8, "little") + data):
        path.write_bytes(content)
        try:
            file = SafetensorsFile(path)
        except CheckpointError:
            continue
        assert not file.entries, "so few bytes hold no tensor; an empty header is a file all the same"


def test_a_file_without_tensors_is_a_file(tmp_path: Path) -> None:
    write_raw(tmp_path / "m.safetensors", {}, b"")
    assert SafetensorsFile(tmp_path / "m.safetensors").entries == {}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["dtype", "shape", "data_offsets", "x"]), st.integers() | st.lists(st.text())
    )
)
def test_no_header_raises_anything_but_a_checkpoint_error(
    tmp_path_factory: pytest.TempPathFactory, entry: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("any") / "m.safetensors"
    text = json.dumps({"a": entry}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(CheckpointError):
        SafetensorsFile(path)
