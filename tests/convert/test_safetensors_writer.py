from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file

from aion.convert.checkpoint import Checkpoint
from aion.convert.safetensors_writer import SafeTensor, write_safetensors

Array = NDArray[np.float32]
SHAPES = st.lists(st.integers(1, 9), max_size=3).map(tuple)


def tensors_of(shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
    rng = np.random.default_rng(len(shapes))
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def to_write(tensors: dict[str, Array]) -> list[SafeTensor]:
    def rows(tensor: Array) -> Iterator[NDArray[np.uint8]]:
        data = tensor.reshape(-1).view(np.uint8)
        yield from (data[i : i + 7] for i in range(0, len(data), 7))

    return [SafeTensor(name, "F32", t.shape, partial(rows, t)) for name, t in tensors.items()]


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(min_size=1).filter(lambda n: n != "__metadata__"), SHAPES, min_size=1))
def test_what_is_written_is_read_by_others_and_by_us(shapes: dict[str, tuple[int, ...]]) -> None:
    tensors = tensors_of(shapes)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.json").write_text("{}")
        write_safetensors(folder, to_write(tensors), max_file_bytes=200)
        theirs = {n: t for path in folder.glob("*.safetensors") for n, t in load_file(path).items()}
        ours = Checkpoint(folder)
        assert ours.names == list(tensors)
        for key, tensor in tensors.items():
            assert np.array_equal(theirs[key], tensor)
            assert np.array_equal(ours.f32(key), tensor)


def test_files_are_cut_between_tensors_and_progress_counts_them_all(tmp_path: Path) -> None:
    tensors = tensors_of({"a": (10,), "b": (30,), "c": (5,), "d": (5,), "e": (5,)})
    seen: list[tuple[str, int, int]] = []
    write_safetensors(tmp_path, to_write(tensors), lambda *step: seen.append(step), max_file_bytes=48)
    files = sorted(tmp_path.glob("*.safetensors"))
    assert [list(load_file(path)) for path in files] == [["a"], ["b"], ["c", "d"], ["e"]]
    assert files[0].name == "model-00001-of-00004.safetensors"
    assert seen == [(name, number, 5) for number, name in enumerate("abcde", 1)]


def test_the_data_begin_at_a_multiple_of_8(tmp_path: Path) -> None:
    write_safetensors(tmp_path, to_write(tensors_of({"a" * n: (1,) for n in range(1, 4)})))
    raw = (tmp_path / "model.safetensors").read_bytes()
    assert int.from_bytes(raw[:8], "little") % 8 == 0
