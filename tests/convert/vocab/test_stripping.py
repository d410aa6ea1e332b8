"""Phi-3's way: special tokens that swallow the spaces after them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import gguf
import pytest
from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.read import read_vocabulary
from aion.convert.vocab.stripping import fitting_name
from tests.convert.conftest import train_tokenizer
from tests.convert.vocab.compared import differing, vocabulary, write_tokenizer, write_vocabulary
from tests.convert.vocab.strings import strings
from tests.convert.vocab.test_metaspace import tokenizer_json
from tests.convert.vocab.trained import as_json

N_PIECES = 420
PLAIN, STRIPPING = ("<|endoftext|>",), ("<|assistant|>", "<|end|>", "<|user|>", "<|system|>")
TALKS = [
    "<|user|>\nOlá<|end|>\n<|assistant|>\n", "<s><|system|> \t\r\n seja breve<|end|>\n<|user|>a</s>  b",
    "<|endoftext|> a <|endoftext|>\n\nb", "<|end|>", "<|end|> ", "a<|user|>  <|user|> b", "<unk> a <s> b",
]  # fmt: skip
NAMES = {"bos_token": "<s>", "eos_token": "<|endoftext|>", "unk_token": "<unk>", "pad_token": "<|endoftext|>"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("phi") / "tokenizer.model"
    return train_tokenizer(path, control_symbols=[], vocab_size=N_PIECES)


@pytest.fixture(scope="module")
def tokenizer(model: Path) -> Tokenizer:
    """Phi-3-mini's tokenizer.json on a small vocabulary: </s> is added, not special, and strips."""
    found = Tokenizer.from_str(tokenizer_json(model, "always").to_str())
    found.add_special_tokens([AddedToken(text, normalized=False) for text in PLAIN])
    found.add_special_tokens([AddedToken(text, normalized=False, rstrip=True) for text in STRIPPING])
    data = as_json(found)
    data["added_tokens"][2] |= {"rstrip": True, "special": False}
    data["post_processor"] = None
    return Tokenizer.from_str(json.dumps(data))


@pytest.fixture
def folder(tmp_path: Path, model: Path, tokenizer: Tokenizer) -> Path:
    files: dict[str, Any] = {"tokenizer": as_json(tokenizer), "tokenizer_config": NAMES}
    folder = write_tokenizer(tmp_path / "c", N_PIECES + 12, **files)
    shutil.copy(model, folder / "tokenizer.model")
    return folder


@pytest.mark.parametrize("name", ["Phi-3-mini-4k-instruct", "my phi3", "atendente"])
def test_llama_cpp_strips_as_transformers_does(folder: Path, tokenizer: Tokenizer, name: str) -> None:
    oracle = PreTrainedTokenizerFast.from_pretrained(str(folder))
    with vocabulary(folder, name) as gguf_model:
        assert differing(gguf_model, tokenizer, strings() + TALKS) == []
        assert gguf_model.tokenize("Olá", add_special=True) == oracle("Olá").input_ids


def test_added_tokens_stand_after_the_pieces_and_rows_are_filled(folder: Path) -> None:
    found = read_vocabulary(Checkpoint(folder))
    assert [t.text.decode() for t in found.tokens[N_PIECES:-7]] == [*PLAIN, *STRIPPING]
    assert [t.type.name for t in found.tokens[N_PIECES - 1 :]] == ["NORMAL"] + ["CONTROL"] * 5 + [
        "UNUSED"
    ] * 7
    assert (found.special["eos"], found.special["padding"], found.strips_right) == (N_PIECES, N_PIECES, True)


def test_a_model_that_does_not_strip_has_no_name_that_makes_llama_cpp_strip(
    tmp_path: Path, plain_tokenizer: Path
) -> None:
    folder = write_tokenizer(tmp_path, N_PIECES)
    shutil.copy(plain_tokenizer, folder / "tokenizer.model")
    path = write_vocabulary(folder, "not-phi-3")
    field = gguf.GGUFReader(path).get_field("general.name")
    assert field is not None
    assert field.contents() == "not-phi 3"
    with vocabulary(folder, "Phi3") as model:
        assert model.tokenize("[INST]  a", parse_special=True) == [3, *model.tokenize("  a")]


@pytest.mark.parametrize(
    ("name", "strips", "expected"),
    [
        ("Phi-3-mini", True, "Phi-3-mini"), ("PHI3", True, "PHI3"), ("chat", True, "chat (Phi-3)"),
        ("Phi-3-mini", False, "Phi 3-mini"), ("xphi3", False, "xphi 3"), ("Phi-4", False, "Phi-4"),
    ],
)  # fmt: skip
def test_names_change_as_little_as_they_must(name: str, strips: bool, expected: str) -> None:
    assert fitting_name(name, strips) == expected
