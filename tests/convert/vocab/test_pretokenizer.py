from __future__ import annotations

import re
from typing import Any

import pytest

from aion.convert.vocab.alphabet import CHARACTERS, as_characters
from aion.convert.vocab.merging import merged
from aion.convert.vocab.pretokenizer import pre_of, splits_of
from aion.errors import CheckpointError
from tests.convert.vocab.trained import LLAMA3, QWEN2

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}


def split(regex: str, behavior: str = "Isolated", invert: bool = False) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def sequence(*steps: object) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        (sequence(split(LLAMA3), BYTES), "llama-bpe"),
        (sequence(split(LLAMA3, "Removed", True), BYTES), "llama-bpe"),
        (sequence(sequence(split(QWEN2)), BYTES), "qwen2"),
        ({"type": "ByteLevel"}, "gpt-2"),
        (sequence(split(r"\p{N}"), {"type": "ByteLevel"}), "smollm"),
        (sequence(split(QWEN2.replace(r"[\r\n]", "[\r\n]")), BYTES), "qwen2"),
    ],
)
def test_a_rule_is_known_however_it_is_written(definition: object, name: str) -> None:
    assert pre_of(definition, True, "tokenizer.json").name == name


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        (
            sequence(split("[a-z]+"), BYTES),
            "tokenizer.json splits words by [a-z]+, a rule llama.cpp does not have",
        ),
        (sequence(split("a"), split("b"), BYTES), "by a then b, a rule"),
        (None, "by nothing, a rule"),
        (BYTES, "by nothing, a rule"),
        ({"type": "Whitespace"}, "by {'type': 'Whitespace'}, which llama.cpp cannot do"),
        (split(LLAMA3, "Removed"), "which llama.cpp cannot do"),
        ({"type": "Split", "pattern": {"String": " "}, "behavior": "Isolated"}, "which llama.cpp cannot do"),
        ({"type": "Sequence"}, "which llama.cpp cannot do"),
        ("ByteLevel", "which llama.cpp cannot do"),
    ],
)
def test_an_unknown_rule_is_named(definition: object, says: str) -> None:
    with pytest.raises(CheckpointError, match=re.escape(says)):
        pre_of(definition, False, "tokenizer.json")


def test_splits_come_in_order() -> None:
    steps = sequence(split("a"), sequence(split("b")), {"type": "ByteLevel", "use_regex": False})
    assert splits_of(steps, "tokenizer.json") == ("a", "b")


def test_the_alphabet_has_a_character_for_each_byte() -> None:
    assert len(set(CHARACTERS)) == 256
    assert as_characters(b" a\n\xe9") == "\u0120a\u010a\xe9"


def test_merges_go_by_rank_and_from_the_left() -> None:
    ranks = {("a", "b"): 1, ("b", "c"): 0, ("a", "a"): 2}
    assert merged("abc", ranks) == ["a", "bc"]
    assert merged("aaab", ranks) == ["aa", "ab"]
