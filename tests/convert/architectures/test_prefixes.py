from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aion.convert import Checkpoint
from aion.convert.architectures.prefixes import PASSAGE_KEY, QUERY_KEY, prefixes
from tests.convert.tiny import CONFIG, write_folder, write_json

E5 = {QUERY_KEY: "query: ", PASSAGE_KEY: "passage: "}


@pytest.fixture
def make(tmp_path: Path, tokenizer: Path) -> Any:
    return lambda name: write_folder(tmp_path / name, tokenizer, CONFIG, {})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"prompts": {"query": "q: ", "passage": "p: "}}, {QUERY_KEY: "q: ", PASSAGE_KEY: "p: "}),
        ({"prompts": {"query": "q: ", "document": ""}}, {QUERY_KEY: "q: "}),
        ({"prompts": {"document": "d: ", "corpus": "c: "}}, {PASSAGE_KEY: "d: "}),
        ({"prompts": {"x": "x: "}, "default_prompt_name": "x"}, {QUERY_KEY: "x: ", PASSAGE_KEY: "x: "}),
        ({"prompts": {"sts": "s: "}}, {}),
        ({"prompts": None}, {}),
    ],
)
def test_prompts_are_chosen_as_sentence_transformers_does(
    make: Any, said: dict[str, Any], expected: dict[str, str]
) -> None:
    folder = make("model")
    write_json(folder / "config_sentence_transformers.json", said)
    assert prefixes(Checkpoint(folder)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("multilingual-e5-small", E5),
        ("intfloat_multilingual-e5-large", E5),
        ("multilingual-e5-base-sintra", E5),
        ("e5-small-v2", E5),
        ("multilingual-e5-large-instruct", {}),
        ("bge-m3", {}),
        ("some5-small", {}),
    ],
)
def test_the_e5_family_is_known_by_its_name(make: Any, name: str, expected: dict[str, str]) -> None:
    assert prefixes(Checkpoint(make(name))) == expected


def test_the_card_tells_the_family_and_prompts_come_before_it(make: Any) -> None:
    folder = make("model")
    (folder / "README.md").write_text("---\nbase_model: intfloat/multilingual-e5-small\n---\nText\n")
    assert prefixes(Checkpoint(folder)) == E5
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"query": "", "document": ""}})
    assert prefixes(Checkpoint(folder)) == E5
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"query": "Q: ", "document": ""}})
    assert prefixes(Checkpoint(folder)) == {QUERY_KEY: "Q: "}
    (folder / "config_sentence_transformers.json").unlink()
    (folder / "README.md").write_text("It is compared with multilingual-e5-small.\n")
    assert prefixes(Checkpoint(folder)) == {}
