from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aion.convert.merge.folder import copy_others
from aion.convert.merge.tokens import adds_tokens
from aion.partial import whole_folder
from tests.convert.tiny import write_json

KILLED = """
import os, signal, sys
from pathlib import Path
from aion.partial import whole_folder
rename = Path.rename
def first_only(self, target):
    rename(self, target)
    os.kill(os.getpid(), signal.SIGKILL)
Path.rename = first_only
with whole_folder(Path(sys.argv[1])) as folder:
    (folder / "new").touch()
"""


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_kill_while_folders_change_places_loses_neither(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_json(out / "old", {})
    ended = subprocess.run([sys.executable, "-c", KILLED, out], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert {Path(name).name for name in names(tmp_path)} == {"old", "new"}
    with whole_folder(tmp_path / "other"):
        assert "old" in {Path(name).name for name in names(tmp_path)}
    with whole_folder(out) as folder:
        (folder / "newer").touch()
    assert names(tmp_path) == ["out/newer"]


def test_named_templates_go_along_and_other_weights_do_not(tmp_path: Path) -> None:
    base, adapter, into = (tmp_path / name for name in ("base", "adapter", "into"))
    for folder in (base, adapter, into):
        folder.mkdir()
    for name in ("additional_chat_templates/rag.jinja", "model.onnx_data", "tf_model.h5", "LICENSE",
                 "tokenizer.json", "config.json"):  # fmt: skip
        write_json(base / name, "base")
    for name in ("additional_chat_templates/tool.jinja", "tokenizer.json", "optimizer.pt"):
        write_json(adapter / name, "adapter")
    copy_others(base, adapter, into, adapter_tokenizer=False)
    assert names(into) == ["LICENSE", "additional_chat_templates/rag.jinja", "tokenizer.json"]
    assert json.loads((into / "tokenizer.json").read_text()) == "base"
    copy_others(base, adapter, into, adapter_tokenizer=True)
    assert "additional_chat_templates/tool.jinja" in names(into)
    assert json.loads((into / "tokenizer.json").read_text()) == "adapter"


BASE: dict[str, Any] = {
    "tokenizer.json": {
        "model": {"vocab": {"a": 0, "</s>": 1}},
        "added_tokens": [{"id": 2, "content": "<|im_end|>"}],
    },
}


@pytest.mark.parametrize(
    ("beside", "adds"),
    [
        ({}, False),
        (BASE, False),
        ({"tokenizer_config.json": {"added_tokens_decoder": {"2": {"content": "<|im_end|>"}}}}, False),
        ({"added_tokens.json": {"</s>": 1}}, False),
        ({"added_tokens.json": {"<new>": 3}}, True),
        ({"added_tokens.json": {"<|im_end|>": 3}}, True),
        ({"tokenizer.json": {"added_tokens": [{"id": 3, "content": "<new>"}]}}, True),
        ({"tokenizer_config.json": {"added_tokens_decoder": {"3": {"content": "<new>"}}}}, True),
        ({"tokenizer.json": ["nonsense"], "added_tokens.json": {"x": "y"}}, False),
        ({"tokenizer_config.json": {"added_tokens_decoder": {"x": 1}}}, False),
    ],
)
def test_tokens_that_only_the_adapter_has_are_seen(
    tmp_path: Path, beside: dict[str, Any], adds: bool
) -> None:
    for folder, files in (("base", BASE), ("adapter", beside)):
        (tmp_path / folder).mkdir()
        for name, value in files.items():
            write_json(tmp_path / folder / name, value)
    assert adds_tokens(tmp_path / "base", tmp_path / "adapter") is adds


def test_pieces_of_unigram_are_the_bases_own(tmp_path: Path) -> None:
    write_json(tmp_path / "base" / "tokenizer.json", {"model": {"vocab": [["<s>", 0.0], ["a", -1.0]]}})
    write_json(tmp_path / "adapter" / "added_tokens.json", {"<s>": 0})
    assert not adds_tokens(tmp_path / "base", tmp_path / "adapter")
    write_json(tmp_path / "adapter" / "added_tokens.json", {"<s>": 1})
    assert adds_tokens(tmp_path / "base", tmp_path / "adapter")
    assert os.listdir(tmp_path / "base") == ["tokenizer.json"]
