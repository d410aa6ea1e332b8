from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Ggml
from numpy.typing import NDArray

from aion.convert.output import OutputTensor, write_gguf
from aion.convert.pipeline import Chunk
from aion.errors import CheckpointError
from tests.small_disk import files_up_to, small_disk

ROWS = np.arange(64 * 32, dtype=np.float32).reshape(64, 32)


def tensors(*chunks: Chunk) -> list[OutputTensor]:
    return [OutputTensor("a.weight", ROWS.shape, Ggml.F32, lambda: chunks)]


def writer() -> gguf.GGUFWriter:
    return gguf.GGUFWriter(None, "llama")


@pytest.mark.parametrize("cut", [[64], [1, 63], [10, 20, 30, 4]])
def test_arrays_and_functions_make_the_same_file(tmp_path: Path, cut: list[int]) -> None:
    parts = np.split(ROWS, np.cumsum(cut)[:-1])
    made = [lambda part=part: part for part in parts]
    for name, chunks in (("arrays", parts), ("functions", made), ("mixed", [*parts[:1], *made[1:]])):
        write_gguf(writer(), tensors(*chunks), tmp_path / name)
    assert len({(tmp_path / name).read_bytes() for name in ("arrays", "functions", "mixed")}) == 1
    (found,) = gguf.GGUFReader(tmp_path / "arrays").tensors
    assert found.data.tobytes() == ROWS.tobytes()


def test_each_tensor_begins_at_a_multiple_of_the_alignment(tmp_path: Path) -> None:
    odd = np.arange(3, dtype=np.float32)
    outputs = [OutputTensor(f"t{i}", (3,), Ggml.F32, lambda: [odd]) for i in range(4)]
    write_gguf(writer(), outputs, tmp_path / "m.gguf")
    found = gguf.GGUFReader(tmp_path / "m.gguf").tensors
    assert [t.data.tolist() for t in found] == [odd.tolist()] * 4
    assert [t.data_offset % 32 for t in found] == [0] * 4


def test_too_little_room_is_said_before_anything_is_written(tmp_path: Path) -> None:
    asked: list[int] = []

    def chunks() -> Iterable[NDArray[Any]]:
        asked.append(1)
        return [ROWS]

    free = shutil.disk_usage(tmp_path).free
    huge = [OutputTensor("a", (free // 4 + 1024, 1024), Ggml.F32, chunks)]
    with pytest.raises(CheckpointError, match=r"m\.gguf takes [\d.]+ MB and .* has [\d.]+ MB free"):
        write_gguf(writer(), huge, tmp_path / "m.gguf")
    assert not asked
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path) -> None:
    def chunks() -> Iterator[Chunk]:
        """Someone else takes the room meanwhile."""
        yield ROWS[:32]
        (disk / "other").write_bytes(bytes(shutil.disk_usage(disk).free))
        yield ROWS[32:]

    with small_disk(tmp_path / "disk", 64 << 10) as disk:
        with pytest.raises(
            CheckpointError, match=r"cannot be written \(No space left on device\); free space"
        ):
            write_gguf(writer(), [OutputTensor("a", ROWS.shape, Ggml.F32, chunks)], disk / "m.gguf")
        assert [path.name for path in disk.iterdir()] == ["other"]


def test_a_file_that_may_not_grow_leaves_nothing(tmp_path: Path) -> None:
    with (
        files_up_to(4096),
        pytest.raises(CheckpointError, match=r"m\.gguf cannot be written \(File too large\)"),
    ):
        write_gguf(writer(), tensors(ROWS), tmp_path / "m.gguf")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"cannot be written .*; make the folder .*absent or name"):
        write_gguf(writer(), tensors(ROWS), tmp_path / "absent" / "m.gguf")


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "m.gguf"
    out.write_text("mine")

    def fails() -> NDArray[Any]:
        raise error

    with pytest.raises(error):
        write_gguf(writer(), tensors(ROWS[:32], fails), out)
    assert os.listdir(tmp_path) == ["m.gguf"]
    assert out.read_text() == "mine"
