from __future__ import annotations

from pathlib import Path

import pytest

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece, PieceType
from aion.convert.vocab.special import special_ids
from tests.convert.vocab.compared import Json, write_tokenizer

TEXTS = ["<unk>", "<s>", "</s>", "<|eom_id|>", "<|turn|>", "\u2581<PRE>", "\u2581<SUF>", "\u2581<MID>"]
TOKENS = tuple(Piece(text.encode(), 0.0, PieceType.CONTROL) for text in TEXTS)


def found(folder: Path, **files: Json) -> dict[str, int]:
    config = files.pop("config", None)
    return special_ids(Checkpoint(write_tokenizer(folder, len(TOKENS), config, **files)), TOKENS)


def test_names_are_taken_before_numbers_and_the_older_file_last(tmp_path: Path) -> None:
    older = {"bos_token": "</s>", "eos_token": {"content": "</s>"}}
    config = {"bos_token_id": 3, "pad_token_id": 0, "unk_token_id": 99}
    names = {"bos_token": "<s>", "unk_token": "absent"}
    assert found(tmp_path, config=config, tokenizer_config=names, special_tokens_map=older) == {
        "bos": 1, "eos": 2, "padding": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([2], {}),
        (2, {}),
        ([2, 4], {"eot": 4}),
        ([3, 2], {"eom": 3}),
        ([2, 3, 4], {"eom": 3, "eot": 4}),
        ([4, 2, 1], {"eot": 4, "eom": 1}),
        ([2, 99, -1], {}),
    ],
)
def test_other_ends_of_an_answer(tmp_path: Path, ends: object, expected: dict[str, int]) -> None:
    names = {"eos_token": "</s>"}
    for place in ("generation_config", "config"):
        files: dict[str, Json] = {"generation_config": {}} | {place: {"eos_token_id": ends}}
        assert found(tmp_path, tokenizer_config=names, **files) == {"eos": 2} | expected


def test_fill_in_middle_tokens_are_those_declared(tmp_path: Path) -> None:
    names = {"prefix_token": TEXTS[5], "suffix_token": TEXTS[6], "middle_token": TEXTS[7], "eot_token": None}
    assert found(tmp_path, tokenizer_config=names) == {"fim_pre": 5, "fim_suf": 6, "fim_mid": 7}
