from __future__ import annotations

from pathlib import Path

import pytest

from aion.engine.catalog import CHAT_FILE, EMBED_FILE, choose_base_model, choose_embedder, embedded_file
from aion.errors import ModelError

HUB_ID = "mistralai/Mistral-7B-Instruct-v0.3"


def test_a_named_file_is_used(tmp_path: Path) -> None:
    path = tmp_path / "own.gguf"
    path.touch()
    choice = choose_base_model(str(path), tmp_path)
    assert (choice.path, choice.is_embedded, choice.notice) == (path, False, "")
    assert choose_embedder(path, tmp_path).path == path


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "absent.gguf"
    with pytest.raises(ModelError, match=r"absent\.gguf does not exist"):
        choose_base_model(str(path), tmp_path)
    with pytest.raises(ModelError, match=r"absent\.gguf does not exist"):
        choose_embedder(path, tmp_path)


def test_an_absent_hub_model_gives_the_embedded_one_and_says_so(models_dir: Path) -> None:
    choice = choose_base_model("owner/not-here", models_dir)
    assert choice.path == models_dir / CHAT_FILE
    assert choice.is_embedded
    assert "owner/not-here" in choice.notice


def test_a_hub_model_in_the_models_folder_is_used(tmp_path: Path) -> None:
    path = tmp_path / "Mistral-7B-Instruct-v0.3.Q4_K_M.gguf"
    path.touch()
    choice = choose_base_model(HUB_ID, tmp_path)
    assert (choice.path, choice.is_embedded, choice.notice) == (path, False, "")


def test_an_empty_name_is_the_embedded_model(models_dir: Path) -> None:
    choice = choose_base_model("", models_dir)
    assert (choice.path, choice.is_embedded, choice.notice) == (models_dir / CHAT_FILE, True, "")


@pytest.mark.parametrize("name", ["nonsense", "a/b/c", "/no/such/folder", "~/model", "x" * 5000, "a\0b"])
def test_nonsense_is_refused(name: str, models_dir: Path) -> None:
    with pytest.raises(ModelError, match=r"neither a GGUF file.*hub id"):
        choose_base_model(name, models_dir)


def test_the_embedded_models_are_found_without_a_models_folder(tmp_path: Path) -> None:
    assert embedded_file(CHAT_FILE, tmp_path / "absent").is_file()
    assert choose_embedder(None, tmp_path).path.name == EMBED_FILE


def test_an_embedded_model_that_is_lost_is_looked_for_aloud(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=str(tmp_path)):
        embedded_file("lost.gguf", tmp_path)
