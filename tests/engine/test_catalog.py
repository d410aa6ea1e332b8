from __future__ import annotations

from pathlib import Path

import pytest

from aion.engine.catalog import (
    CHAT_FILE,
    EMBED_FILE,
    choose_embedder,
    embedded_chat_model,
    embedded_file,
    existing_file,
    find_by_name,
    is_as_asked,
)
from aion.errors import ModelError

NAME = "Mistral-7B-Instruct-v0.3"


def test_a_named_file_is_used(tmp_path: Path) -> None:
    path = tmp_path / "own.gguf"
    path.touch()
    assert existing_file(path) == choose_embedder(path, tmp_path).path == path


@pytest.mark.parametrize("name", ["absent.gguf", "x" * 5000, "a\0b"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"does not exist; correct AION_BASE_MODEL"):
        existing_file(tmp_path / name)
    with pytest.raises(ModelError, match=r"does not exist; correct AION_EMBED_MODEL, or leave it empty"):
        choose_embedder(tmp_path / name, tmp_path)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (f"{NAME}.Q4_K_M.gguf", NAME),
        ("mistral-7b-instruct-v0.3-q8_0.gguf", NAME),
        (f"{NAME}-F16.gguf", f"{NAME}-GGUF"),
        (f"{NAME}-UD-Q4_K_XL-00001-of-00002.gguf", NAME),
        (f"{NAME}.gguf", NAME),
    ],
)
def test_a_model_is_found_by_its_name(tmp_path: Path, file: str, name: str) -> None:
    for other in (file, "Mistral-7B-Instruct-v0.30-Q4_K_M.gguf", f".{NAME}-Q4_K_M.gguf", CHAT_FILE):
        (tmp_path / other).touch()
    assert find_by_name(name, tmp_path) == [tmp_path / file]
    assert find_by_name(name, tmp_path / "absent") == []
    for another in ("Mistral-7B", "Mistral-7B-Instruct", "aion", "aion-nano"):
        assert find_by_name(another, tmp_path) == []


def test_four_bits_come_first_or_last_as_asked(tmp_path: Path) -> None:
    for kind in ("F16", "Q4_K_M", "Q8_0", "0123abcd-Q4_K_M"):
        (tmp_path / f"m-{kind}.gguf").touch()
    found = [path.name for path in find_by_name("m", tmp_path)]
    assert found == ["m-0123abcd-Q4_K_M.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf", "m-F16.gguf"]
    found = [path.name for path in find_by_name("m", tmp_path, prefer_4bit=False)]
    assert found == ["m-F16.gguf", "m-Q8_0.gguf", "m-0123abcd-Q4_K_M.gguf", "m-Q4_K_M.gguf"]


@pytest.mark.parametrize(
    ("file", "for_4bit", "for_16bit"),
    [("m-Q4_K_M.gguf", True, False), ("m.Q8_0.gguf", True, True), ("m-fp16.gguf", False, True),
     ("m-BF16-00001-of-00002.gguf", False, True), ("m.gguf", True, True)],
)  # fmt: skip
def test_a_precision_is_told_by_the_name(file: str, for_4bit: bool, for_16bit: bool) -> None:
    assert (is_as_asked(Path(file), True), is_as_asked(Path(file), False)) == (for_4bit, for_16bit)


def test_the_embedded_models_are_found_without_a_models_folder(tmp_path: Path) -> None:
    assert embedded_file(CHAT_FILE, tmp_path / "absent").is_file()
    assert choose_embedder(None, tmp_path).path.name == EMBED_FILE
    choice = embedded_chat_model(tmp_path, "why")
    assert (choice.path.name, choice.is_embedded, choice.notice) == (CHAT_FILE, True, "why")


def test_an_embedded_model_that_is_lost_is_looked_for_aloud(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=str(tmp_path)):
        embedded_file("lost.gguf", tmp_path)
