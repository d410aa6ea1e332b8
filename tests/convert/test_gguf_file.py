from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Ggml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from aion.convert.gguf_copy import CopyingWriter
from aion.convert.gguf_file import GgufFile
from aion.convert.output import OutputTensor, write_gguf
from aion.errors import CheckpointError

ADDS = {
    "add_uint8": st.integers(0, 255), "add_int8": st.integers(-128, 127),
    "add_uint16": st.integers(0, 2**16 - 1), "add_int16": st.integers(-(2**15), 2**15 - 1),
    "add_uint32": st.integers(0, 2**32 - 1), "add_int32": st.integers(-(2**31), 2**31 - 1),
    "add_uint64": st.integers(0, 2**64 - 1), "add_int64": st.integers(-(2**63), 2**63 - 1),
    "add_float32": st.floats(width=32, allow_nan=False), "add_float64": st.floats(allow_nan=False),
    "add_bool": st.booleans(), "add_string": st.text(min_size=1),
    "add_array": st.one_of(
        st.lists(st.text(), min_size=1), st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1),
        st.lists(st.booleans(), min_size=1), st.lists(st.floats(width=32, allow_nan=False), min_size=1),
    ),
}  # fmt: skip
PAIRS = st.dictionaries(
    st.text(min_size=1).map(lambda key: f"k.{key}"),
    st.sampled_from(sorted(ADDS)).flatmap(lambda add: st.tuples(st.just(add), ADDS[add])),
)
SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
TENSORS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=st.floats(-1, 1, width=32))),
    max_size=4,
)
ROWS = np.random.default_rng(0).normal(size=(3, 32)).astype(np.float32)


def write(path: Path, pairs: dict[str, tuple[str, Any]], tensors: dict[str, NDArray[Any]]) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    for key, (add, value) in pairs.items():
        getattr(writer, add)(key, value)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def sample(path: Path) -> Path:
    """One pair of each sort and tensors of two types."""
    pairs: dict[str, tuple[str, Any]] = {
        "general.name": ("add_string", "Sintra"), "general.alignment": ("add_uint32", 64),
        "n": ("add_float32", 0.5), "words": ("add_array", ["a", "", "ção"]), "ids": ("add_array", [1, 2, 3]),
    }  # fmt: skip
    return write(path, pairs, {"a": ROWS, "b": ROWS.astype(np.float16), "c": ROWS[0]})


@settings(max_examples=60, deadline=None)
@given(PAIRS, TENSORS)
def test_all_is_as_gguf_reads_it(
    pairs: dict[str, tuple[str, Any]], tensors: dict[str, NDArray[np.float32]]
) -> None:
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "m.gguf", pairs, tensors)
        file, reader = GgufFile(path), gguf.GGUFReader(path)
        fields = {key: field for key, field in reader.fields.items() if not key.startswith("GGUF.")}
        assert list(file.pairs) == list(fields)
        for key, field in fields.items():
            found = file.metadata[key] if key in file.metadata else list(file.array(key))
            assert found == field.contents()
        for tensor in reader.tensors:
            info = file.tensors[tensor.name]
            assert (info.begin, info.n_bytes) == (tensor.data_offset, tensor.n_bytes)
            assert np.array_equal(file.f32(tensor.name), tensors[tensor.name])


@pytest.mark.parametrize("kind", [Ggml.F32, Ggml.F16, Ggml.BF16, Ggml.Q8_0, Ggml.Q4_0, Ggml.Q5_1])
def test_rows_of_every_type_are_those_of_gguf(tmp_path: Path, kind: Ggml) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    encoded = gguf.quantize(ROWS, kind)
    writer.add_tensor("w", encoded, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file = GgufFile(tmp_path / "m.gguf")
    assert file.stored("w").tobytes() == encoded.tobytes()
    assert file.tensor("w").shape == ROWS.shape
    assert np.array_equal(file.f32("w"), gguf.dequantize(encoded, kind))
    assert np.array_equal(file.rows("w", 1, 3), file.f32("w")[1:3])


def test_a_file_cut_anywhere_is_one_sentence(tmp_path: Path) -> None:
    path = sample(tmp_path / "m.gguf")
    last = GgufFile(path).tensors["c"]
    for length in reversed(range(last.begin + last.n_bytes)):
        os.truncate(path, length)
        with pytest.raises(CheckpointError, match=r"m\.gguf .*; download or convert it again\.$"):
            GgufFile(path)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_file_that_lies_is_refused_or_read(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = sample(Path(folder) / "m.gguf")
        raw = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, 400))
        raw[at : at + 8] = data.draw(st.binary(min_size=1, max_size=8))
        path.write_bytes(raw)
        with suppress(CheckpointError):
            file = GgufFile(path)
            assert all(file.f32(name).shape == tensor.shape for name, tensor in file.tensors.items())
            arrays_of = file.pairs.keys() - file.metadata.keys()
            assert all(len(file.array(key)) == file.pairs[key].count for key in arrays_of)


@pytest.mark.parametrize(
    ("at", "written", "says"),
    [
        (0, b"PK\x03\x04", "begins with b'PK"),
        (4, struct.pack("<I", 1), "is GGUF version 1; 2 and 3 can be read"),
        (4, struct.pack(">I", 3), "is big-endian"),
        (8, struct.pack("<Q", 1 << 60), f"claims {1 << 60} tensors, more than its"),
        (16, struct.pack("<Q", 1 << 60), f"claims {1 << 60} key-value pairs, more than its"),
        (24, struct.pack("<Q", 1 << 63), "is cut off inside its header"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, at: int, written: bytes, says: str) -> None:
    path = sample(tmp_path / "m.gguf")
    raw = bytearray(path.read_bytes())
    raw[at : at + len(written)] = written
    path.write_bytes(raw)
    with pytest.raises(CheckpointError) as raised:
        GgufFile(path)
    assert says in raised.value.message


def test_no_file_no_array_and_no_tensor_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.gguf cannot be read \(No such file"):
        GgufFile(tmp_path / "none.gguf")
    file = GgufFile(sample(tmp_path / "m.gguf"))
    with pytest.raises(CheckpointError, match=r"has no array general\.name"):
        file.array("general.name")
    with pytest.raises(CheckpointError, match="has no tensor z"):
        file.f32("z")


def in_three_files(folder: Path) -> list[Path]:
    writer = gguf.GGUFWriter(folder / "m.gguf", "llama", split_max_tensors=1)
    for name in "abc":
        writer.add_tensor(name, ROWS + ord(name))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(folder.glob("m-*.gguf"))


def test_a_model_in_several_files_is_one(tmp_path: Path) -> None:
    first, second, third = in_three_files(tmp_path)
    file = GgufFile(first)
    assert {name: float(file.f32(name)[0, 0] - ROWS[0, 0]) for name in file.tensors} == pytest.approx(
        {name: ord(name) for name in "abc"}, rel=1e-5
    )
    with pytest.raises(CheckpointError, match="part of a model in 3 files; name the one -00001-of-00003"):
        GgufFile(second)
    third.unlink()
    with pytest.raises(CheckpointError, match=r"m-00003-of-00003\.gguf is not beside it"):
        GgufFile(first)


def test_pairs_are_copied_byte_for_byte(tmp_path: Path) -> None:
    source = GgufFile(sample(tmp_path / "m.gguf"))
    writer = CopyingWriter(source, without={"n"})
    writer.add_string("general.name", "Cascais")
    writer.add_uint32("new", 7)
    tensors = [OutputTensor("a", ROWS.shape, Ggml.F32, lambda: [ROWS])]
    write_gguf(writer, tensors, tmp_path / "copy.gguf")
    copy = GgufFile(tmp_path / "copy.gguf")
    assert list(copy.pairs) == [*(key for key in source.pairs if key != "n"), "new"]
    assert (copy.text("general.name"), copy.metadata["new"], copy.alignment) == ("Cascais", 7, 64)
    for key in ("words", "ids", "general.architecture", "general.alignment"):
        assert copy.raw_pair(key) == source.raw_pair(key)
    assert np.array_equal(copy.f32("a"), ROWS)
