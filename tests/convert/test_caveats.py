from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import pytest

from aion.convert import convert
from aion.convert.caveats import caveats
from tests.convert.tiny import CONFIG, write_json


@pytest.mark.parametrize(
    ("config", "windows"),
    [
        ({}, []),
        ({"sliding_window": 64}, [64]),
        ({"sliding_window": CONFIG["max_position_embeddings"]}, []),
    ],
)
def test_a_window_smaller_than_the_context_is_said(
    tmp_path: Path, folder: Path, config: dict[str, Any], windows: list[int]
) -> None:
    write_json(folder / "config.json", CONFIG | config)
    said = caveats(convert(folder, tmp_path / "m.gguf"))
    assert len(said) == len(windows)
    for sentence, window in zip(said, windows, strict=True):
        assert f"the last {window} tokens only, and llama.cpp to all" in sentence


def test_a_window_that_llama_cpp_follows_is_not(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "gemma2")
    writer.add_context_length(128)
    writer.add_sliding_window(64)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert caveats(tmp_path / "m.gguf") == []
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    assert caveats(tmp_path / "m.gguf") == []
